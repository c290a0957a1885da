"""A user's part as it is kept: packed, unpacked, and silent where it can't be used."""

import pytest

from mda import binding
from mda.antispam import personal
from mda.binding import LearnedMark
from mda.errors import InvalidValue

RAW = b"From: shop@offers.example\r\nSubject: Cheap watches\r\n\r\nBuy cheap watches today.\r\n"
VIEW = binding.view(binding.features(RAW))
MARK = LearnedMark(VIEW, -3.0, is_spam=True)


def test_packed_is_what_it_was() -> None:
    made = personal.learn(7, [MARK], ["ben@example.net", "cleo@example.net"])
    assert personal.unpack(personal.pack(made)) == made
    assert binding.correct(made.weights, VIEW)[0] > 1.0


def test_correspondents_are_known_to_their_account_alone() -> None:
    addresses = [f"user{number}@example.net" for number in range(100)]
    known = personal.learn(7, [], addresses)
    assert all(known.knows(7, address) for address in addresses)
    assert not known.knows(7, "zoe@example.net")
    assert not known.knows(8, "user1@example.net")
    assert not personal.learn(7, [], []).knows(7, "user1@example.net")


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw[:3], lambda raw: b"", lambda raw: raw[::-1]])
def test_what_is_not_whole_is_silent(change: object) -> None:
    raw = personal.pack(personal.learn(7, [MARK], ["ben@example.net"]))
    assert personal.unpack(change(raw)) is None  # type: ignore[operator]


def test_weights_of_other_features_are_silent_but_correspondents_stay() -> None:
    raw = bytearray(personal.pack(personal.learn(7, [MARK], ["ben@example.net"])))
    raw[4] += 1
    known = personal.unpack(bytes(raw))
    assert known is not None
    assert known.weights.raw_ids == b""
    assert known.knows(7, "ben@example.net")


def test_row_is_small() -> None:
    marks = [
        LearnedMark(binding.view(binding.features(RAW + b"word%d other%d " % (n, n) * 200)), 0.0, n % 2 == 0)
        for n in range(300)
    ]
    assert len(personal.pack(personal.learn(7, marks, map(str, range(500))))) < 15_000


def test_uneven_weights_are_refused() -> None:
    with pytest.raises(InvalidValue):
        binding.PersonalWeights(1.0, b"1234", b"")
