"""mda.auth.passwords: a hash verifies only its own password, and old or odd hashes are told apart."""

import time

import argon2
import pytest

from mda.auth.passwords import MAX_PASSWORD, Cost, Passwords, Verification, prepare
from mda.errors import InvalidValue

CHEAP = Cost(passes=1, memory_kib=64, lanes=1)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


def test_hash_is_a_salted_phc_string(passwords: Passwords) -> None:
    first, second = passwords.hash("correct horse"), passwords.hash("correct horse")
    assert first.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert first != second
    assert "correct" not in first


def test_default_cost_is_written_into_the_hash() -> None:
    assert Passwords().hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("tried", "fits"),
    [("correct horse", True), ("Correct horse", False), ("correct horse ", False), ("", False), ("\0", False)],
)
def test_only_the_same_password_fits(passwords: Passwords, tried: str, fits: bool) -> None:
    assert passwords.verify(passwords.hash("correct horse"), tried).fits is fits


def test_same_password_in_other_normal_form_or_with_other_spaces_fits(passwords: Passwords) -> None:
    stored = passwords.hash("zażółć gęślą")
    assert passwords.verify(stored, "zaz\u0307o\u0301\u0142c\u0301 ge\u0328s\u0301la\u0328").fits
    assert passwords.verify(stored, "zażółć\u00a0gęślą").fits


def test_hash_of_another_cost_fits_and_asks_to_be_renewed(passwords: Passwords) -> None:
    older = Passwords(Cost(passes=1, memory_kib=32, lanes=1)).hash("secret")
    assert passwords.verify(older, "secret") == Verification(fits=True, needs_rehash=True)
    assert passwords.verify(passwords.hash("secret"), "secret") == Verification(fits=True, needs_rehash=False)
    assert passwords.verify(older, "wrong") == Verification(fits=False)


def test_argon2i_of_another_system_verifies_and_asks_to_be_renewed(passwords: Passwords) -> None:
    foreign = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=argon2.Type.I).hash("secret")
    assert passwords.verify(foreign, "secret") == Verification(fits=True, needs_rehash=True)


def test_no_stored_hash_fails_in_about_the_time_of_a_real_one() -> None:
    costly = Passwords(Cost(passes=3, memory_kib=8192, lanes=1))
    stored = costly.hash("secret")

    def seconds(kept: str) -> float:
        started = time.process_time()
        assert not costly.verify(kept, "wrong").fits
        return time.process_time() - started

    assert min(seconds("") for _ in range(3)) > 0.3 * min(seconds(stored) for _ in range(3))


@pytest.mark.parametrize(
    "stored",
    ["plain", "{SHA256}abc", "$6$salt$hash", "$argon2id$", "$argon2id$v=19$m=4000000000,t=1,p=1$c2FsdHNhbHQ$aGFzaA"],
)
def test_stored_hash_that_is_not_ours_says_the_way_out(passwords: Passwords, stored: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        passwords.verify(stored, "secret")
    assert "mda account passwd" in caught.value.remedy
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("password", ["", "tab\there", "line\n", "nul\0", "\ud800", "x" * (MAX_PASSWORD + 1)])
def test_what_can_not_be_a_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidValue):
        prepare(password)


def test_longest_password_is_taken() -> None:
    assert prepare("x" * MAX_PASSWORD) == b"x" * MAX_PASSWORD
