"""How a message's flags are written: by their IMAP names, and as letters where a column is narrow."""

from mda.metadata.mailbox.listed import Entry
from mda.metadata.schema.words import Flag

LETTERS = {Flag.SEEN: "S", Flag.ANSWERED: "R", Flag.FLAGGED: "F", Flag.DELETED: "T", Flag.DRAFT: "D"}
"""As Maildir writes them."""


def names(entry: Entry) -> tuple[str, ...]:
    """System flags (RFC 9051 s2.3.2), then keywords."""
    return (*(f"\\{flag.name.title()}" for flag in entry.flags if flag.name), *entry.keywords)


def letters(entry: Entry) -> str:
    return "".join(LETTERS[flag] for flag in entry.flags)
