"""The files themselves: what is written is read again, byte for byte; what other programs write is understood."""

import io
import os
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mda.errors import InvalidValue
from mda.metadata.schema.words import Flag
from mda.transfer import maildir, mbox, message_lines
from mda.transfer.item import Item
from mda.transfer.line_ends import from_file, to_file
from mda.transfer.maildir import MaildirWriter
from mda.transfer.mutf7 import decode, encode, folder_name, path_of

NOON = datetime(2019, 2, 3, 12, 5, 9, tzinfo=UTC)
PIECES = (
    *(b"From ", b">From ", b">>From x", b"X-MDA-Export: 9 1\n", b"Status: RO\r\n", b"\r\n", b"\r\n\r\n", b"\n", b"\r"),
    *(b"X-Status: A\r\n", b"text", b"\0\xff", b"a: b\r\n", b".", b"From MAILER-DAEMON Sun Feb  3 12:05:09 2019\r\n"),
)
raws = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
crlf_raws = raws.map(lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n"))
flags = st.integers(0, 31).map(Flag)
keywords = st.lists(st.sampled_from(["$Forwarded", "Work", "zażółć"]), unique=True).map(tuple)


@given(st.lists(st.tuples(crlf_raws, flags, keywords), max_size=4))
def test_mbox_comes_back(messages: list[tuple[bytes, Flag, tuple[str, ...]]]) -> None:
    stream = io.BytesIO()
    for raw, flag, words in messages:
        mbox.write(stream, Item(raw, NOON, flag, words))
    size = stream.tell()
    stream.seek(0)
    found = list(mbox.read(stream))
    assert [(one.raw, one.flags, one.keywords) for one in found] == messages
    assert all(one.received_at == NOON for one in found)
    assert sum(one.size for one in found) == size


@given(crlf_raws)
def test_line_ends_come_back(raw: bytes) -> None:
    assert from_file(to_file(raw)) == raw
    assert b"\r\n" not in to_file(raw)


def test_line_ends_that_can_not_come_back_are_left() -> None:
    for raw in (b"a\r\nb\nc\r\n", b"a\r\r\nb\r\n"):
        assert to_file(raw) == raw
        assert from_file(raw) == raw


def test_message_that_the_parser_does_not_take_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for length, is_long in ((100, False), (101, True), (10_000, True)):
        monkeypatch.setattr(message_lines, "MOST_MESSAGE_BYTES", 100)
        file = tmp_path / "cur" / "1"
        for name in maildir.FOLDERS:
            (tmp_path / name).mkdir(exist_ok=True)
        file.write_bytes(b"x" * length)
        with pytest.raises(InvalidValue, match=f"{file}: .* longer") if is_long else nullcontext():
            list(maildir.read(tmp_path))
        octets = b"From a\n\none\n\nFrom b\n" + b"x" * length
        with pytest.raises(InvalidValue, match=r"old\.mbox, line 5: ") if is_long else nullcontext():
            list(mbox.read(io.BytesIO(octets), "old.mbox"))
    file.write_bytes(b"\n" * 51)
    with pytest.raises(InvalidValue, match="longer"):
        list(maildir.read(tmp_path))


def test_mbox_of_another_program() -> None:
    octets = (
        b"From ben@example.net Mon Nov 23 16:25:30 2026\n"
        b"Subject: one\nStatus: RO\nX-Status: AF\nX-Keywords: $Work  later\n\n>From here\n>>From there\n\n\n"
        b"From anne Tue Nov  3 06:05:04 +0100 2020\r\nSubject: two\r\n\r\nbody\r\n\r\n"
        b"From nobody\nSubject: three\n\nno end"
    )
    one, two, three = mbox.read(io.BytesIO(octets))
    assert one.raw.endswith(
        b"Status: RO\r\nX-Status: AF\r\nX-Keywords: $Work  later\r\n\r\nFrom here\r\n>From there\r\n\r\n"
    )
    assert (one.flags, one.keywords) == (Flag.SEEN | Flag.ANSWERED | Flag.FLAGGED, ("$Work", "later"))
    assert one.received_at == datetime(2026, 11, 23, 16, 25, 30, tzinfo=UTC)
    assert two.raw == b"Subject: two\r\n\r\nbody\r\n"
    assert two.received_at == datetime(2020, 11, 3, 6, 5, 4, tzinfo=UTC)
    assert three.raw == b"Subject: three\r\n\r\nno end"
    assert not list(mbox.read(io.BytesIO(b"")))
    with pytest.raises(InvalidValue, match="X-MDA-Export"):
        list(mbox.read(io.BytesIO(b"From a\nX-MDA-Export: many\n\n")))


def test_maildir_comes_back(tmp_path: Path) -> None:
    items = [
        Item(b"Subject: a\r\n\r\n", NOON, Flag.SEEN | Flag.DRAFT, ("$Work", "x"), "INBOX"),
        Item(b"b\r\n", NOON.replace(microsecond=123456), Flag(0), ("x",), "Zażółć/2.0 & more"),
        Item(b"Subject: c\r\nmixed\nends", NOON.replace(second=10), Flag(31), (), "INBOX"),
    ]
    writer = MaildirWriter(tmp_path)
    for item in items:
        writer.add(item)
    found = [Item(one.raw, one.received_at, one.flags, one.keywords, one.mailbox) for one in maildir.read(tmp_path)]
    assert sorted(found, key=repr) == sorted(items, key=repr)
    assert maildir.size(tmp_path) == sum(path.stat().st_size for path in tmp_path.rglob("*.export*"))
    assert (tmp_path / ".Za&AXwA8wFCAQc-.2&AC4-0 &- more" / "maildirfolder").exists()


def test_maildir_of_another_program(tmp_path: Path) -> None:
    for folder in ("", ".Sent", ".Work.2026"):
        for name in ("cur", "new", "tmp"):
            (tmp_path / folder / name).mkdir(parents=True)
    (tmp_path / "dovecot-keywords").write_text("0 $Forwarded\n1 later\nnonsense\n")
    (tmp_path / "cur" / "1700000000.M1P1.host,S=3:2,RSab").write_bytes(b"a\nb")
    (tmp_path / "new" / "1700000001.M1P1.host").write_bytes(b"c\r\n")
    (tmp_path / ".Work.2026" / "cur" / "1700000002.x:2,").write_bytes(b"d")
    (tmp_path / "tmp" / "1700000003.x").write_bytes(b"half a mess")
    os.utime(tmp_path / "new" / "1700000001.M1P1.host", (1_700_000_001, 1_700_000_001))
    found = {one.raw: one for one in maildir.read(tmp_path)}
    assert set(found) == {b"a\r\nb", b"c\r\n", b"d"}
    assert (found[b"a\r\nb"].flags, found[b"a\r\nb"].keywords) == (Flag.ANSWERED | Flag.SEEN, ("$Forwarded", "later"))
    assert found[b"c\r\n"].received_at == datetime.fromtimestamp(1_700_000_001, UTC)
    assert found[b"d"].mailbox == "Work/2026"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12))
def test_names_come_back(level: str) -> None:
    assert decode(encode(level)) == level
    assert encode(level).isascii()
    assert "/" not in encode(level)
    if "/" not in level:
        assert path_of(folder_name(f"{level}/x")) == f"{level}/x"


def test_names_as_the_standard_gives_them() -> None:
    assert encode("台北") == "&U,BTFw-"
    assert decode("~peter&-&U,BTFw-") == "~peter&台北"
    with pytest.raises(InvalidValue, match="UTF-7"):
        decode("&A-")
