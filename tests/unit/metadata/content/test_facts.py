"""The facts of a message in their packed form: what comes back, what it costs, and that rows of before are read."""

import re
from importlib import resources
from types import SimpleNamespace

import msgspec
import pytest
import zstandard

from mda.antispam.verdict import Category
from mda.errors import RecordDamaged
from mda.metadata.content import facts
from mda.metadata.content.facts import COLUMNS, Facts, of_row, pack, unpack
from mda.metadata.content.spam_reasons import MOST_WEIGHT, SpamReasons, from_json, spam_reasons, to_json

REASONS = (("body words", 0x6123_4567, 2.5), ("marks: subject", 7, -0.75), ("body words", 2**32 - 1, 0.125))

FULL = Facts(
    prefix=b"Return-Path: <anne@example.org>\r\nDelivered-To: bob@example.org\r\n"
    b"X-MDA-Spam: no; score=0.0312; reasons=body-text,header-text,sender,subject\r\n",
    envelope=b'("Thu, 22 Aug 2002 10:09:12 +0100" "Re: the list" (("Anne" NIL "anne" "example.org"))'
    b' (("Anne" NIL "anne" "example.org")) (("Anne" NIL "anne" "example.org")) ((NIL NIL "bob" "example.org")) NIL NIL'
    b' "<1@example.org>" "<2@example.org>")',
    subject_base="the list",
    body_structure=b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 913 32 NIL NIL NIL NIL)',
    preview="On Thu, Anne wrote: I would like to know whether one of the messages that you have sent is the last",
    structure=bytes((1, 28, 0, 0, 1, 0, 0, 0)) + bytes(28),
    original_recipient="Bob@Example.org",
    queue_id="4XyZ1",
    defects=2**40,
    forged_spans=((0, 31), (90, 120)),
    reference_hashes=(1, -(2**63), 2**63 - 1),
    spam_reasons=spam_reasons(REASONS, "76ce50e57038", (7, 3), "passed"),
)
PLAIN = Facts(prefix=b"", envelope=b"", subject_base="", body_structure=b"", preview="", structure=b"")


@pytest.mark.parametrize("given", [FULL, PLAIN, msgspec.structs.replace(PLAIN, envelope=bytes(range(256)) * 300)])
def test_facts_come_back(given: Facts) -> None:
    assert unpack(pack(given)) == given


def test_packed_facts_are_short() -> None:
    written_out = sum(len(value) for name in COLUMNS if isinstance(value := getattr(FULL, name, None), bytes | str))
    assert len(pack(FULL)) < 0.55 * written_out


def test_what_is_no_facts_is_named() -> None:
    """By an error that commands tell, and go on from."""
    packed = pack(FULL)
    other = packed[:1] + zstandard.ZstdCompressor(write_content_size=True).compress(b"\x05")[4:]
    for damaged, message in (
        (b"", "version none"),
        (b"\2" + packed[1:], "version 02"),
        (packed[:40], "can't be read"),
        (other, "can't be read"),
    ):
        with pytest.raises(RecordDamaged, match=message):
            unpack(damaged)


def test_a_later_field_is_passed_by() -> None:
    class Later(Facts, frozen=True, array_like=True, gc=False):
        more: int = 5

    assert unpack(pack(Later(**msgspec.structs.asdict(FULL)))) == FULL


def test_json_of_what_has_no_reasons() -> None:
    found = SpamReasons("abc", (7, 3), proof="failed")
    assert from_json(to_json(found)) == found
    assert to_json(SpamReasons()) is None


def test_a_row_of_before_is_read() -> None:
    columns = {name: getattr(FULL, name, None) for name in COLUMNS}
    old = SimpleNamespace(
        **columns
        | {
            "forged_spans": [0, 31, 90, 120],
            "reference_hashes": list(FULL.reference_hashes),
            "spam_reasons": to_json(FULL.spam_reasons or SpamReasons()),
        }
    )
    assert of_row(old) == FULL
    without = dict.fromkeys(("forged_spans", "reference_hashes", "spam_reasons", "original_recipient", "queue_id"))
    assert of_row(SimpleNamespace(**vars(old) | without)).spam_reasons is None


def test_the_dictionary_names_nobody() -> None:
    name = f"facts-{facts.VERSION}.dict"
    content = resources.files("mda.metadata.content").joinpath(name).read_bytes()[500:]  # behind the coder's tables
    assert b"X-MDA-Spam" in content
    assert b"@" not in content
    mailboxes = re.findall(rb'NIL "([^"\r\n ]+)" "([^"\r\n ]+)"\)', content)
    assert not mailboxes


def test_reasons_are_packed() -> None:
    packed = spam_reasons(REASONS, "76ce50e57038", (7, 3))
    assert packed.reasons == REASONS
    assert (packed.kinds, packed.places) == ("body words\nmarks: subject", b"\0\1\0")
    assert (packed.campaign_id, SpamReasons().campaign_id, SpamReasons().reasons) == (7, None, ())
    assert all("\n" not in category.label for category in Category)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(2.5345, 2.53515625), (float("nan"), 0.0), (1e300, MOST_WEIGHT), (-1e300, -MOST_WEIGHT), (float("inf"), 0.0)],
)
def test_weights_are_those_of_binary16(given: float, kept: float) -> None:
    ((_, _, weight),) = spam_reasons([("subject", 1, given)]).reasons
    assert weight == kept


def test_reasons_in_json_are_those_of_rows_and_checkpoints_of_before() -> None:
    packed = spam_reasons(REASONS, "76ce50e57038", (7, 3), "passed")
    document = to_json(packed)
    assert document == {
        "model": "76ce50e57038",
        "campaign": [7, 3],
        "proof": "passed",
        "reasons": [list(one) for one in REASONS],
    }
    assert from_json(document) == packed
    assert from_json([["subject", 5, None]]).reasons == (("subject", 5, 0.0),)
    assert to_json(SpamReasons()) is None
    assert from_json(None) == SpamReasons()
