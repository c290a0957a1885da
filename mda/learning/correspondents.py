"""Whom a user has written to: an honest sign, where the answer is proven to come from there.

A message in the mailbox with role Sent counts if it has no Received field. Anyone may send to `user+Sent@`, but not
past our Postfix, which puts its Received on top of all that comes from outside.
"""

from collections.abc import Sequence

from mda import address, binding
from mda.errors import InvalidValue, NotFound
from mda.identifiers import IdentifierSource
from mda.learning.teach import weigh
from mda.metadata.learning import notebook
from mda.metadata.mailbox import mailboxes
from mda.metadata.postgresql.opened import Handle
from mda.metadata.schema.words import Role
from mda.mime import message as mime_message
from mda.mime.addresses import Group, Mailbox

FIELDS = ("to", "cc", "bcc")
MOST_OF_A_MESSAGE = 100
"""A message to more is a circular, and no letter to any of them."""


def recipients(raw: bytes) -> tuple[str, ...]:
    """Keys of the addresses that a message of the user went to; none of one that came from elsewhere."""
    message = mime_message.read(binding.examine(raw))
    if message.field_values("Received"):
        return ()
    entries = [entry for field in FIELDS for entry in message.addresses(field)]
    boxes = [box for entry in entries for box in (entry.members if isinstance(entry, Group) else (entry,))]
    found = tuple(dict.fromkeys(key for box in boxes if (key := _key(box))))
    return found if len(found) <= MOST_OF_A_MESSAGE else ()


def note(handle: Handle, identifiers: IdentifierSource, account_id: int, addresses: Sequence[str]) -> None:
    """The account has written to these addresses; it counts from the next delivery on."""
    if not addresses:
        return
    with notebook.opened(handle, identifiers, account_id) as notes:
        notes.wrote_to(addresses)
        weigh(notes)


def forget(handle: Handle, identifiers: IdentifierSource, account_id: int, addresses: Sequence[str]) -> None:
    """Takes correspondents away, all or none; NotFound where one is not known."""
    with notebook.opened(handle, identifiers, account_id) as notes:
        if notes.forget_correspondents(addresses) < len(set(addresses)):
            raise NotFound("one of them is no correspondent", "list them with: mda spam correspondent list")
        weigh(notes)


def is_sent(handle: Handle, account_id: int, mailbox_id: int) -> bool:
    """Is it the account's mailbox for what it has sent?"""
    found = next((one for one in mailboxes.list_all(handle, account_id) if one.id == mailbox_id), None)
    return found is not None and found.role is Role.SENT


def _key(box: Mailbox) -> str | None:
    try:
        return str(address.parse(box.address).key)
    except InvalidValue:
        return None
