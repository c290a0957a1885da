"""Passwords: hashed with Argon2id (RFC 9106), kept as PHC strings (`$argon2id$v=19$m=...,t=...,p=...$salt$hash`).

Offers `Passwords.hash` and `Passwords.verify`. A verification says whether the password fits and whether its hash was
made at another cost than today's, so that a login can renew it. Passwords are prepared as RFC 8265 s4.2 (OpaqueString)
asks, so that the same password typed on two systems is the same one. Nothing here keeps, logs or returns a password,
and no error text holds one.

It does not limit how often one may guess: that is the server's, which knows the peer.
"""

import unicodedata
from dataclasses import dataclass

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from mda.errors import InvalidValue

MAX_PASSWORD = 1024
"""Octets of UTF-8; a bound on what one login attempt can make us normalise."""

MAX_STORED_MEMORY_KIB = 1_048_576
"""A stored hash that asks for more than 1 GiB is refused: one login must not take the machine down."""

_SALT = bytes(range(16))
"""Of the decoy only, which no password fits."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs. RFC 9106 s4's choice for little memory is 3 passes over 64 MiB in 4 lanes; a mail server
    sees many logins at once, each on one core, so the default is 2 passes over 19 MiB in one lane: about 20 ms."""

    passes: int = 2
    memory_kib: int = 19_456
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class Verification:
    """`fits`: the password is right. `needs_rehash`: it is, and its hash was made at another cost."""

    fits: bool
    needs_rehash: bool = False


class Passwords:
    """Hashes and verifies at one cost; safe to share between threads (Argon2 runs without the interpreter lock)."""

    def __init__(self, cost: Cost | None = None) -> None:
        self._cost = cost or Cost()
        self._hasher = argon2.PasswordHasher(
            time_cost=self._cost.passes,
            memory_cost=self._cost.memory_kib,
            parallelism=self._cost.lanes,
            hash_len=32,
            salt_len=16,
            type=argon2.Type.ID,
        )

    def hash(self, password: str) -> str:
        """The PHC string to keep; InvalidValue for a password that can't be one."""
        return self._hasher.hash(prepare(password))

    def verify(self, stored: str, password: str) -> Verification:
        """Compares in constant time. An empty `stored` (no such account, or none set) fails, and takes as long."""
        try:
            prepared = prepare(password)
        except InvalidValue:
            return Verification(fits=False)
        if not stored:
            self._spend(prepared)
            return Verification(fits=False)
        _refuse_excess(stored)
        try:
            self._hasher.verify(stored, prepared)
        except InvalidHashError as error:
            raise _not_understood() from error
        except VerificationError:
            return Verification(fits=False)
        return Verification(fits=True, needs_rehash=self._hasher.check_needs_rehash(stored))

    def _spend(self, prepared: bytes) -> None:
        """As long as a real verification, so that an answer's time does not tell which accounts exist."""
        argon2.low_level.hash_secret_raw(
            prepared, _SALT, self._cost.passes, self._cost.memory_kib, self._cost.lanes, 32, argon2.Type.ID
        )


def prepare(password: str) -> bytes:
    """RFC 8265 s4.2.1: other spaces become SPACE, then NFC; no control character, not empty. UTF-8 octets."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    text = unicodedata.normalize("NFC", spaced)
    if not text:
        raise InvalidValue("the password is empty", "give at least one character")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise InvalidValue("the password holds a control character", "leave it out")
    raw = text.encode()
    if len(raw) > MAX_PASSWORD:
        raise InvalidValue(f"the password is longer than {MAX_PASSWORD} octets", "choose a shorter one")
    return raw


def require_understood(stored: str) -> None:
    """InvalidValue unless a login could be compared with this hash: for hashes that come from elsewhere."""
    _refuse_excess(stored)


def _refuse_excess(stored: str) -> None:
    try:
        parameters = argon2.extract_parameters(stored)
    except InvalidHashError as error:
        raise _not_understood() from error
    if parameters.memory_cost > MAX_STORED_MEMORY_KIB:
        raise InvalidValue("the stored password hash asks for too much memory", "set a new one: mda account passwd")


def _not_understood() -> InvalidValue:
    return InvalidValue("the stored password hash is not an Argon2 PHC string", "set a new one: mda account passwd")
