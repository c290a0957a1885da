"""A message's bytes for a command: the stored form from its shard, verified, and the delivered form made of it."""

from mda.delivery import delivered_form
from mda.metadata.mailbox.messages import Content
from mda.storage.location import Location
from mda.storage.reader import read
from mda.storage.shard import Shard, ShardState


def location(content: Content) -> Location:
    return Location(content.segment, content.offset, content.length)


def stored(content: Content) -> bytes:
    """Byte for byte what Postfix handed over (in CRLF form)."""
    shard = Shard(content.shard.id, content.shard.name, content.shard.url, ShardState(content.shard.state.value))
    return read(shard, location(content))


def delivered(content: Content) -> bytes:
    """What IMAP, POP3 and export show: our header fields on top, forged ones left out."""
    return delivered_form.assemble(content.prefix, stored(content), content.forged_spans)
