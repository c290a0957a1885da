"""A message's bytes for a command: the stored form from its shard, verified, and the delivered form made of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mda.delivery import delivered_form
from mda.errors import NotFound, RecordDamaged
from mda.maintenance.shards import storage_shard
from mda.metadata.mailbox.messages import Content
from mda.mime import stored as stored_parts
from mda.storage.either import read_either
from mda.storage.location import Location
from mda.storage.reader import SegmentReader, read
from mda.storage.shard import Shard


def location(content: Content) -> Location:
    return Location(content.segment, content.offset, content.length)


def stored(content: Content, *, verifies_digest: bool = True) -> bytes:
    """Byte for byte what Postfix handed over (in CRLF form). RecordDamaged or NotFound name the account, too."""
    with _of_account(content):
        return _either(content, lambda shard, place: read(shard, place, verifies_digest=verifies_digest))


def delivered(content: Content, *, verifies_digest: bool = True) -> bytes:
    """What IMAP, POP3 and export show: our header fields on top, forged ones left out."""
    raw = stored(content, verifies_digest=verifies_digest)
    return delivered_form.assemble(content.prefix, raw, content.forged_spans)


def stored_range(content: Content, start: int, length: int) -> bytes:
    """The octets [start, start + length) of the stored form; of a long message only the frames around them are
    read."""
    with _of_account(content):
        return _either(content, lambda shard, place: _read_range(shard, place, start, length))


def part(content: Content, numbers: Sequence[int]) -> bytes:
    """The body of the part that IMAP calls 1.2.3, as it is stored; NotFound where the message has no such part."""
    found = stored_parts.find(stored_parts.read(content.structure), numbers)
    if found is None:
        name = ".".join(map(str, numbers))
        raise NotFound(f"the message has no part {name}", "parts are numbered as in IMAP: 1, 2.1 (RFC 9051 s6.4.5.1)")
    start, end = stored_parts.body_span(found)
    return stored_range(content, start, end - start)


def _read_range(shard: Shard, place: Location, start: int, length: int) -> bytes:
    reader = SegmentReader(shard, open_files=1)
    try:
        return reader.read_range(place, start, length)
    finally:
        reader.close()


def _either(content: Content, read_at: Callable[[Shard, Location], bytes]) -> bytes:
    """From the message's place, or else from its replica."""
    second = None
    if content.replica is not None:
        row, place = content.replica
        second = (storage_shard(row), Location(place.segment, place.offset, place.length))
    return read_either(lambda found: read_at(*found), (storage_shard(content.shard), location(content)), second)


@contextmanager
def _of_account(content: Content) -> Iterator[None]:
    """Storage does not know whose record it reads; who mends it wants to."""
    try:
        yield
    except (RecordDamaged, NotFound) as error:
        raise type(error)(f"a message of {content.account}: {error.message}", error.remedy) from error
