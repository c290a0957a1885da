"""Message values: dates, base subjects, ids, previews, fields, attachments."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mda.binding import NONE, examine
from mda.mime import charsets, message, part
from mda.mime.subject import base_subject

SAMPLES = Path(__file__).parents[2] / "samples"


def read(mail: str | bytes) -> message.Message:
    return message.read(examine(mail if isinstance(mail, bytes) else mail.replace("\n", "\r\n").encode()))


def sample(name: str) -> message.Message:
    return read((SAMPLES / f"{name}.eml").read_bytes())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 5 Jan 2026 10:00:00 +0100", "2026-01-05T10:00:00+01:00"),
        ("5 Jan 2026 10:00 -0330", "2026-01-05T10:00:00-03:30"),
        ("Mon, 5 Jan 26 10:00:00 GMT", "2026-01-05T10:00:00+00:00"),
        ("Mon, 5 Jan 99 10:00:00 EST", "1999-01-05T10:00:00-05:00"),
        ("Mon, 5 Jan 126 10:00:00 +0000", "2026-01-05T10:00:00+00:00"),
        ("Mon, 5 Jan 0126 10:00:00 +0000", "2026-01-05T10:00:00+00:00"),
        ("Mon Jan  5 10:00:00 2026", "2026-01-05T10:00:00+00:00"),
        ("Mon Jan  5 10:00:00 CET 2026", "2026-01-05T10:00:00+01:00"),
        ("Monday, 05-Jan-26 10:00:00 UTC", "2026-01-05T10:00:00+00:00"),
        ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00+00:00"),
        ("2026-01-05 10:00:00.123 +01:00", "2026-01-05T10:00:00+01:00"),
        ("Mon, 5 January 2026 10:00:00 +0100 (CET (Warsaw))", "2026-01-05T10:00:00+01:00"),
        ("Mon (day), 5 (d) Jan 2026 10 : 02 : 03", "2026-01-05T10:02:03+00:00"),
        ("Mon, 5 Jan 2026", None),
        ("Mon, 5 Jan 2026 10:00:00 GMT+0200", "2026-01-05T10:00:00+02:00"),
        ("Mon, 5 Jan 2026 7:05 PM +0000", "2026-01-05T19:05:00+00:00"),
        ("Mon, 5 Jan 2026 12:05 AM +0000", "2026-01-05T00:05:00+00:00"),
        ("Mon, 5 Jan 2026 10:00:00 +9999", "2026-01-05T10:00:00+00:00"),
        ("29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00+00:00"),
        ("29 Feb 2026 00:00:00 +0000", None),
        ("31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00+00:00"),
        ("Mon, 5 Jan 2026 24:00:00 +0000", None),
        ("99 Foo 2026 10:00:00", None),
        ("", None),
        ("9999999999999999999999", None),
    ],
)
def test_dates(value: str, expected: str | None) -> None:
    sent_at = read(f"Date: {value}\n\n").sent_at
    assert (sent_at.isoformat() if sent_at else None) == expected


def test_date_at_the_end_of_the_calendar() -> None:
    assert read("Date: 31 Dec 9999 23:59:59 +0000\n\n").sent_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert read("Date: 31 Dec 9999 23:59:59 -1200\n\n").sent_at is None


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("hello", "hello"),
        ("Re: hello", "hello"),
        ("RE : Re: FW: Fwd: hello", "hello"),
        ("Re[2]: hello", "hello"),
        ("Re [2] : hello", "hello"),
        ("[list] Re: [list] hello (fwd) (FWD) ", "hello"),
        ("[fwd: Re: hello]", "hello"),
        ("[Fwd: [list] hello (fwd)]", "hello"),
        ("[list]", "[list]"),
        ("[list] [other]", "[other]"),
        ("Re:", ""),
        ("Regarding: x", "Regarding: x"),
        ("hello [x]", "hello [x]"),
        (" many \t spaces ", "many spaces"),
    ],
)
def test_base_subject(subject: str, base: str) -> None:
    assert base_subject(subject) == base


def test_ids_and_references() -> None:
    found = sample("wild_mailing_list")
    assert found.message_id == "patch-reply@example.org"
    assert found.references == ("cover@example.org", "patch2@example.org")
    assert read("Message-ID: no-brackets@x\n\n").message_id == "no-brackets@x"
    assert read("Message-ID: <split\n @x>\n\n").message_id == "split@x"
    assert read("Message-ID:\n\n").message_id is None
    assert read("References: <a@x <b@x> c <> <b@x>\n\n").references == ("b@x",)
    assert read("\n").references == ()


def test_of_many_references_the_last_are_kept() -> None:
    found = read("References: " + "".join(f"<{i}@x>\n " for i in range(1500)) + "\n\n").references
    assert (len(found), found[0], found[-1]) == (1000, "500@x", "1499@x")


@pytest.mark.parametrize(
    ("name", "preview"),
    [
        ("rfc_alternative", "Dzień dobry, przesyłam poprawiony tekst. Proszę o uwagi do piątku."),
        ("rfc_attachment", "Faktura w załączniku"),
        ("wild_newsletter", "Spring bulbs Plant tulips & daffodils before the frost… 10–15 cm deep Full sun"),
        ("wild_japanese", "こんにちは。会議の議事録をお送りします。"),
        ("wild_windows1252", "The café takes € 5 – or nothing “at all”."),
    ],
)
def test_previews(name: str, preview: str) -> None:
    assert sample(name).preview == preview


def test_preview_is_cut_at_characters() -> None:
    text = "żółw " * 100
    assert read("Content-Type: text/plain; charset=utf-8\n\n" + text).preview == text[:256].strip()
    assert read("Content-Type: text/html; charset=utf-8\n\n<p>" + text).preview == text[:256].strip()
    foreign = b"Content-Type: text/html; charset=gb18030\r\n\r\n<b>" + text.encode("gb18030")
    assert read(foreign).preview.strip() == text[:256].strip()


def test_preview_of_attachments_only_is_empty() -> None:
    found = read("Content-Disposition: attachment\n\ntext\n")
    assert (found.preview, found.has_attachment) == ("", True)


def test_fields_have_exact_spans() -> None:
    raw = b"Received: one\r\n\ttwo\r\nX-Spam : yes\r\nSubject:x\r\n\r\nbody"
    found = read(raw)
    assert [(f.name, raw[f.start : f.end], raw[f.value_start : f.value_end]) for f in found.fields] == [
        ("Received", b"Received: one\r\n\ttwo\r\n", b" one\r\n\ttwo"),
        ("X-Spam", b"X-Spam : yes\r\n", b" yes"),
        ("Subject", b"Subject:x\r\n", b"x"),
    ]
    assert found.field_values("RECEIVED") == ("one\ttwo",)
    assert found.field_values("x-spam") == ("yes",)
    assert found.field_values("X-None") == ()
    assert read("X-A: ä\n\n").field_values("X-A") == ("ä",)
    assert read(b"X-A: \xe4\n\n").field_values("X-A") == ("ä",)


@pytest.mark.parametrize(
    ("headers", "is_attachment"),
    [
        ("Content-Disposition: attachment", True),
        ("Content-Disposition: x-unknown", True),
        ("Content-Type: application/pdf; name=a.pdf", True),
        ("Content-Type: application/pdf; name=a.pdf\nContent-Disposition: inline", True),
        ("Content-Type: image/png; name=a.png\nContent-ID: <a@x>", False),
        ("Content-Type: image/png; name=a.png", True),
        ("Content-Type: text/plain; name=a.txt\nContent-Disposition: inline", False),
        ("Content-Type: application/pgp-signature", False),
        ("Content-Type: text/plain", False),
    ],
)
def test_attachments(headers: str, is_attachment: bool) -> None:
    assert read(f"{headers}\n\nx").has_attachment == is_attachment


def test_structure_finds_each_part_in_the_raw_message() -> None:
    found = sample("rfc_attachment")
    structure = found.structure
    assert (structure[0], structure[1], int.from_bytes(structure[4:8], "little")) == (1, 28, 5)
    for each in found.parts:
        entry = structure[8 + 28 * each.index : 36 + 28 * each.index]
        numbers = tuple(int.from_bytes(entry[at : at + 4], "little") for at in range(0, 24, 4))
        parent = NONE if each.parent is None else each.parent
        assert numbers == (each.start, each.body, each.end, parent, each.lines, each.bare_lfs)
        assert tuple(entry[24:]) == (each.kind, each.encoding, each.disposition, each.flags)
    assert part.content(found.examination, 4) == bytes(range(256)) * 3
    assert part.content(found.examination, 3) == b"not really a picture"


def test_foreign_labels_are_those_of_the_core() -> None:
    tables = (Path(__file__).parents[3] / "csrc/mime/charset_tables.c").read_text()
    labels = set(re.findall(r'LABEL\("([^"]+)", CHARSET_FOREIGN\)', tables))
    assert labels == charsets.LABELS
    for label in labels:
        assert charsets.decode(label, b"abc\xff\x00\x1b$") is not None
        assert charsets.decode(label, b"") == ""
    assert charsets.decode("zip", b"caf\xe9") == "café"
