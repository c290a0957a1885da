"""ENVELOPE and BODYSTRUCTURE: values derived from RFC 3501 s7.4.2, in the form that Dovecot 2.3 gives them."""

from pathlib import Path

import pytest

from mda.binding import examine

SAMPLES = Path(__file__).parents[2] / "samples"


def structure(mail: str) -> str:
    return examine(mail.replace("\n", "\r\n").encode()).body_structure.decode()


def envelope(mail: str) -> str:
    return examine(mail.replace("\n", "\r\n").encode()).envelope.decode()


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ("\nhello\n", '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL)'),
        (
            "Content-Type: TEXT/Plain; Charset=UTF-8; format=flowed\nContent-Transfer-Encoding: 8bit\n\n\n",
            '("TEXT" "Plain" ("Charset" "UTF-8" "format" "flowed") NIL NIL "8bit" 2 1 NIL NIL NIL NIL)',
        ),
        (
            'Content-Type: image/png; name="a \\"b\\".png"\nContent-ID: <i@x>\nContent-Description: a picture\n\n',
            '("image" "png" ("name" "a \\"b\\".png") "<i@x>" "a picture" "7bit" 0 NIL NIL NIL NIL)',
        ),
        (
            "Content-Type: application/pdf\nContent-Disposition: attachment; filename=é.pdf\n\n",
            '("application" "pdf" NIL NIL NIL "7bit" 0 NIL ("attachment" ("filename" {6}\r\né.pdf)) NIL NIL)',
        ),
        (
            "Content-Type: text/html\nContent-Language: pl, en\nContent-Location: http://x/\nContent-MD5: abc=\n\n",
            '("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 0 0 "abc=" NIL ("pl" "en") "http://x/")',
        ),
        (
            'Content-Type: multipart/mixed; boundary="B"\nContent-Disposition: inline\n\n--B\n\na\n--B--\n',
            '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)'
            ' "mixed" ("boundary" "B") ("inline" NIL) NIL NIL)',
        ),
    ],
)
def test_body_structure(mail: str, expected: str) -> None:
    assert structure(mail) == expected


def test_bare_line_feeds_count_as_two_octets() -> None:
    assert b'"7bit" 10 2 ' in examine(b"A: b\n\nabc\nabc\n").body_structure


def test_structure_of_a_forwarded_message() -> None:
    raw = (SAMPLES / "rfc_forwarded.eml").read_bytes()
    found = examine(raw).body_structure.decode()
    forwarded = raw[raw.index(b'From: "Anna') : raw.index(b"\r\n--fwd boundary--")]
    address = '({17}\r\nAnna "Ania" Nowak NIL "anna" "example.org")'
    readers = '(NIL NIL "Readers" NIL)(NIL NIL "jan" "example.test")(NIL NIL "maria" "example.test")(NIL NIL NIL NIL)'
    inner = (
        '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 12 0 NIL NIL NIL NIL)'
        '("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 19 0 NIL NIL NIL NIL)'
        ' "alternative" ("boundary" "inner") NIL NIL NIL)'
    )
    start = found.index('"message" "rfc822"')
    assert found[start:].startswith(
        '"message" "rfc822" NIL NIL "forwarded message" "7bit" '
        f"{len(forwarded)} "
        '("Mon, 5 Jan 2026 10:00:00 +0100" "Minutes of the library meeting" '
        f'({address}) ((NIL NIL "secretary" "example.org")) ({address}) ({readers}) NIL NIL NIL '
        f'"<20260105.1000.anna@example.org>") {inner} {forwarded.count(bytes([10]))} NIL NIL NIL NIL)'
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@example.org", '((NIL NIL "a" "example.org"))'),
        ("Anna <a@example.org>", '(("Anna" NIL "a" "example.org"))'),
        ('"Nowak, Anna" <a@example.org>', '(("Nowak, Anna" NIL "a" "example.org"))'),
        ("J. R. Smith <a@example.org>", '(("J. R. Smith" NIL "a" "example.org"))'),
        ("a@example.org (Anna)", '(("Anna" NIL "a" "example.org"))'),
        ("(before) a@example.org", '((NIL NIL "a" "example.org"))'),
        ("a . b @ example . org", '((NIL NIL "a.b" "example.org"))'),
        ('"a b"@example.org', '((NIL NIL "a b" "example.org"))'),
        ("a@[192.0.2.1]", '((NIL NIL "a" "[192.0.2.1]"))'),
        ("<@one.test,@two.test:a@example.org>", '((NIL "@one.test,@two.test" "a" "example.org"))'),
        ("=?utf-8?Q?J=C3=BC?= <e@f>", '(("=?utf-8?Q?J=C3=BC?=" NIL "e" "f"))'),
        ("Jü <e@f>", '(({3}\r\nJü NIL "e" "f"))'),
        ("undisclosed-recipients:;", '((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'),
        (
            'Friends: a@b, "X, Y" <c@d>;, e@f',
            '((NIL NIL "Friends" NIL)(NIL NIL "a" "b")("X, Y" NIL "c" "d")(NIL NIL NIL NIL)(NIL NIL "e" "f"))',
        ),
        ("foo", '((NIL NIL "foo" "MISSING_DOMAIN"))'),
        ("<Undisclosed:;@example.org>", '((NIL NIL "Undisclosed" "SYNTAX_ERROR"))'),
        ("", "NIL"),
        (",,", "NIL"),
    ],
)
def test_addresses(value: str, expected: str) -> None:
    assert envelope(f"To: {value}\n\n") == f"(NIL NIL NIL NIL NIL {expected} NIL NIL NIL NIL)"


def test_sender_and_reply_to_default_to_from() -> None:
    from_list = '((NIL NIL "a" "x")(NIL NIL "b" "x"))'
    assert envelope("From: a@x\nFrom: b@x\n\n") == (
        f"(NIL NIL {from_list} {from_list} {from_list} NIL NIL NIL NIL NIL)"
    )


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("plain", '"plain"'),
        ("two  spaces", "{10}\r\ntwo spaces"),
        ("folded\n here", "{11}\r\nfolded here"),
        ('a "quote"', '{9}\r\na "quote"'),
        ("back\\slash", "{10}\r\nback\\slash"),
        ("żółw", "{7}\r\nżółw"),
        ("nul\0", "{6}\r\nnul\ufffd"),
        ("", '""'),
    ],
)
def test_subjects(subject: str, expected: str) -> None:
    assert envelope(f"Subject: {subject}\n\n") == f"(NIL {expected} NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_ids_and_date_are_sent_raw() -> None:
    mail = 'Date: some day\nMessage-ID: <a@b>\nIn-Reply-To: Your "mail"\n <c@d>\n\n'
    assert envelope(mail) == '("some day" NIL NIL NIL NIL NIL NIL NIL "Your \\"mail\\" <c@d>" "<a@b>")'
