"""Address lists with their groups: RFC 5322 s3.4, as the C core found them.

The obsolete forms and what real mail has instead are let pass by the parser (csrc/mime/address.c) and flagged there;
here the entries are only put together and decoded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mda.binding import ADDRESS, HEADER, NONE, PART, Examination, header_text
from mda.mime.charsets import resolve_marks, resolve_text

_NO_MAILBOX, _NO_HOST = 256, 512
_KIND = 255
_NO_ATOM = re.compile(r'[ \t\r\n(;",<>@:\[\]]')


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address. `local_part` is without its quotes; `name` is decoded, empty where there is none."""

    name: str
    local_part: str
    host: str

    @property
    def address(self) -> str:
        """The addr-spec (RFC 5322 s3.4.1), the local part in quotes where a dot-atom can't hold it."""
        if not self.host:
            return self.local_part
        return f"{_quote(self.local_part)}@{self.host}"


@dataclass(frozen=True, slots=True)
class Group:
    """A named list; its members may be none."""

    name: str
    members: tuple[Mailbox, ...]


FIELDS = {"from": 1, "sender": 2, "reply-to": 3, "to": 4, "cc": 5, "bcc": 6}
"""Those of which addresses are taken apart, by the numbers of enum mime_field."""


def read(examination: Examination, field: str) -> tuple[Mailbox | Group, ...]:
    """The addresses and groups of all fields of that name in the top header block, in their order. KeyError for a field
    that holds none."""
    entries: list[Mailbox | Group] = []
    group: str | None = None
    members: list[Mailbox] = []
    for kind, name, local_part, host in _rows(examination, FIELDS[field.lower()]):
        match chr(kind & _KIND):
            case "g":
                group, members = local_part, []
            case "e":
                entries.append(Group(group or "", tuple(members)))
                group = None
            case _:
                mailbox = Mailbox(name, "" if kind & _NO_MAILBOX else local_part, "" if kind & _NO_HOST else host)
                (entries if group is None else members).append(mailbox)
    return tuple(entries)


def mailboxes(entries: tuple[Mailbox | Group, ...]) -> tuple[Mailbox, ...]:
    """All mailboxes, those in groups among them."""
    return tuple(mailbox for entry in entries for mailbox in (entry.members if isinstance(entry, Group) else (entry,)))


def _quote(local_part: str) -> str:
    if not _NO_ATOM.search(local_part):
        return local_part
    return '"' + re.sub(r'(["\\])', r"\\\1", local_part) + '"'


def _rows(examination: Examination, field: int) -> Iterator[tuple[int, str, str, str]]:
    """Kind, decoded name, local part (a group's name), and host."""
    first, count = PART.unpack_from(examination.parts)[9:11]
    text = examination.text
    for header, kind, name, name_length, _, _, box, box_length, host, host_length in ADDRESS.iter_unpack(
        examination.addresses
    ):
        is_ours = first <= header < first + count
        if not is_ours or HEADER.unpack_from(examination.headers, header * HEADER.size)[4] != field:
            continue
        raw_name = b"" if name == NONE else text[name : name + name_length]
        raw_box = b"" if box == NONE else text[box : box + box_length]
        is_group = kind & _KIND == ord("g")
        yield (
            kind,
            resolve_marks(header_text(raw_name)),
            resolve_marks(header_text(raw_box)) if is_group else resolve_text(raw_box),
            resolve_text(b"" if host == NONE else text[host : host + host_length]),
        )
