"""Address lists with groups, as values."""

import pytest

from mda.binding import examine
from mda.mime import message
from mda.mime.addresses import Group, Mailbox, mailboxes

A = Mailbox("", "a", "example.org")
B = Mailbox("Bert B.", "b", "example.test")


def read(value: str, field: str = "To") -> tuple[Mailbox | Group, ...]:
    return message.read(examine(f"{field}: {value}\r\n\r\n".encode())).addresses(field)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@example.org", (A,)),
        ('a@example.org, "Bert B." <b@example.test>', (A, B)),
        ("Friends: a@example.org, Bert B. <b@example.test>;, a@example.org", (Group("Friends", (A, B)), A)),
        ("undisclosed-recipients:;", (Group("undisclosed-recipients", ()),)),
        ("=?utf-8?Q?Z=C3=BCge?=: a@example.org;", (Group("Z\u00fcge", (A,)),)),
        ("=?utf-8?Q?J=C3=BC?= <a@example.org>", (Mailbox("J\u00fc", "a", "example.org"),)),
        ('"a b"@example.org', (Mailbox("", "a b", "example.org"),)),
        ("a . b @ example . org", (Mailbox("", "a.b", "example.org"),)),
        ("<@relay.test:a@example.org>", (A,)),
        ("a@example.org (Anna)", (Mailbox("Anna", "a", "example.org"),)),
        ("nobody", (Mailbox("", "nobody", ""),)),
        ("", ()),
    ],
)
def test_lists(value: str, expected: tuple[Mailbox | Group, ...]) -> None:
    assert read(value) == expected


@pytest.mark.parametrize("field", ["From", "sender", "Reply-To", "CC", "Bcc"])
def test_fields(field: str) -> None:
    assert read("a@example.org", field) == (A,)


def test_repeated_fields_are_joined() -> None:
    mail = b"To: a@example.org\r\nCc: c@example.org\r\nTo: Bert B. <b@example.test>\r\n\r\n"
    assert message.read(examine(mail)).addresses("to") == (A, B)


def test_mailboxes_of_groups_are_among_all() -> None:
    assert mailboxes(read("a@example.org, g: Bert B. <b@example.test>;")) == (A, B)


def test_other_fields_hold_no_addresses() -> None:
    with pytest.raises(KeyError):
        read("a@example.org", "Subject")
