"""An account's messages as items for files: in their delivered form, with flags, keywords and internal date."""

from collections.abc import Callable, Iterator, Mapping

from mda.delivery import delivered_form
from mda.errors import MdaError, NotFound, RecordDamaged
from mda.metadata.mailbox import exported
from mda.metadata.mailbox.listed import Mailbox
from mda.metadata.mailbox.places import Place
from mda.metadata.postgresql.opened import Handle
from mda.storage.either import read_either
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.transfer.item import Item


def items(
    handle: Handle,
    readers: Mapping[int, SegmentReader],
    account_id: int,
    mailbox: Mailbox,
    miss: Callable[[MdaError], None],
) -> Iterator[Item]:
    """The mailbox's messages by UID. `miss` is told of each that can't be read (RecordDamaged or NotFound, which name
    it): it is left out, and no reason to withhold the others."""
    for one in exported.read(handle, account_id, mailbox.id):
        try:
            stored = read_body(readers, one.place, one.replica)
        except (RecordDamaged, NotFound) as error:
            miss(type(error)(f"{mailbox.path}:{one.uid}: {error.message}", error.remedy))
            continue
        raw = delivered_form.assemble(one.prefix, stored, one.forged_spans)
        yield Item(raw, one.internal_date, one.flags, one.keywords, mailbox.path, size=one.size)


def read_body(readers: Mapping[int, SegmentReader], place: Place, replica: Place | None) -> bytes:
    """The stored form, from where it lies or from its replica."""
    return read_either(lambda one: readers[one.shard_id].read(_location(one)), place, replica)


def _location(place: Place) -> Location:
    return Location(place.segment, place.offset, place.length)
