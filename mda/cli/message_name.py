"""How a command names a message: by EMAILID (16 hexadecimal digits, as replies and logs give it) or MAILBOX:UID."""

from collections.abc import Sequence

from mda.cli.quantities import whole
from mda.errors import Conflict, InvalidValue
from mda.identifiers import format_id, parse_id
from mda.metadata.mailbox import mailboxes, messages
from mda.metadata.mailbox.listed import Entry
from mda.metadata.postgresql.opened import Handle

EMAILID_DIGITS = 16


def find_any(handle: Handle, account_id: int, name: str) -> Entry:
    """A place where the message lies: its bytes are the same in each."""
    return _find(handle, account_id, name)[0]


def find_each(handle: Handle, account_id: int, names: Sequence[str]) -> tuple[Entry, ...]:
    """The places to be changed; Conflict where an EMAILID does not say which of several copies is meant."""
    return tuple(_find_one(handle, account_id, name) for name in dict.fromkeys(names))


def paths(handle: Handle, account_id: int) -> dict[int, str]:
    """The mailboxes' names by their ids."""
    return {found.id: found.path for found in mailboxes.list_all(handle, account_id)}


def _find_one(handle: Handle, account_id: int, name: str) -> Entry:
    found = _find(handle, account_id, name)
    if len(found) > 1:
        known = paths(handle, account_id)
        places = " and ".join(f"{known[one.mailbox_id]}:{one.uid}" for one in found)
        raise Conflict(f"message {name} is in several mailboxes", f"name one of {places}")
    return found[0]


def _find(handle: Handle, account_id: int, name: str) -> tuple[Entry, ...]:
    path, colon, uid = name.rpartition(":")
    if colon:
        number = whole(uid)
        if number is None or not 0 < number < 2**32:
            raise InvalidValue(f"{name!r} is not a message", "write MAILBOX:UID, like INBOX:17")
        return (messages.find(handle, account_id, path, number),)
    try:
        content_id = parse_id(name)
    except ValueError as error:
        raise InvalidValue(f"{name!r} is not a message", "write MAILBOX:UID, or an EMAILID") from error
    if len(name) != EMAILID_DIGITS:
        raise InvalidValue(f"{name!r} is not a whole EMAILID", f"it has 16 digits, like {format_id(content_id)}")
    return messages.find_all(handle, account_id, content_id)
