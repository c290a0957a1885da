"""Trains a shard's dictionary of messages that it stores, and says what it is worth on others of them."""

from collections.abc import Callable
from dataclasses import dataclass

from mda.errors import MdaError, NotFound
from mda.metadata.mailbox import places
from mda.metadata.postgresql.opened import Handle
from mda.storage import dictionaries
from mda.storage.body import Codecs
from mda.storage.dictionaries import Dictionaries
from mda.storage.location import Location
from mda.storage.reader import SegmentReader
from mda.storage.shard import Shard, open_shard

MOST_SAMPLE_BYTES = 131_072
"""Of one message: what is behind it (attachments) teaches nothing."""

HELD_BACK = 5
"""One of so many samples is not trained on but measured."""


@dataclass(frozen=True, slots=True)
class Trained:
    """`raw`, `without` and `with_dictionary` are bytes of the samples that were held back."""

    id: int
    samples: int
    raw: int
    without: int
    with_dictionary: int


def train_for(
    handle: Handle, shard: Shard, count: int, watch: Callable[[int], None] = lambda messages: None
) -> Trained:
    """A dictionary of `count` messages drawn from the shard, installed there. NotFound where it has none; those that
    can't be read are left out. `watch` is told of each that is read."""
    open_shard(shard.root, shard.id, shard.name)
    samples = _samples(handle, shard, count, watch)
    if not samples:
        raise NotFound(f"shard {shard.name} holds no messages", "train it when it does")
    held, taught = samples[::HELD_BACK], [one for number, one in enumerate(samples) if number % HELD_BACK]
    number = dictionaries.install(shard.root, dictionaries.train(taught, dictionaries.next_id(shard.root)))
    codecs = Codecs(dictionaries=Dictionaries(shard.root))
    return Trained(
        number,
        len(samples),
        sum(map(len, held)),
        sum(len(codecs.compress(one)) for one in held),
        sum(len(codecs.compress(one, number)) for one in held),
    )


def _samples(handle: Handle, shard: Shard, count: int, watch: Callable[[int], None]) -> list[bytes]:
    reader = SegmentReader(shard)
    samples = []
    for place in places.draw(handle, shard.id, count):
        watch(1)
        try:
            samples.append(reader.read(Location(place.segment, place.offset, place.length))[:MOST_SAMPLE_BYTES])
        except MdaError:
            continue
    reader.close()
    return samples
