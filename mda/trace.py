"""What is remembered of each message for a while: who brought it, what was decided and why, how long each step took.

Offers the entries, their form in the database (pages: many entries compressed, beside the hashes of everything that
an admin may ask for), and how a question finds them. The fields are arrays in their form: new ones go to the end and
have a default, so that two versions read each other's.

Whoever writes makes no entry objects: an entry in the making is a tuple of the same fields in the same order (`Row`),
which costs a third and is written alike.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import zstandard

from mda.identifiers import format_id

COMPRESSION_LEVEL = -1
"""Takes two thirds of the time of level 3, and 2 % more room."""

REASONS_KEPT = 3
MOST_PAGE_OCTETS = 64_000_000
LONGEST_NAME = 998
"""A Message-ID beyond it (RFC 5322 s2.1.1) is known by its beginning: anyone may send one of a megabyte."""

AROUND_NAMES = "<> \t\r\n"

Row = tuple[Any, ...]
"""The fields of a MessageTrace, and in their midst tuples of those of CopyTrace."""


class CopyTrace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One account's copy, or one recipient that was refused before DATA (`account` empty)."""

    recipient: str
    result: str
    """`delivered`, `redelivered`, or a cause's name in lower case."""
    original: str = ""
    account: str = ""
    account_id: int = 0
    content_id: int = 0
    mailbox: str = ""
    uid: int = 0
    shard: str = ""
    is_spam: bool | None = None
    score: float | None = None
    reasons: tuple[tuple[str, float], ...] = ()
    """The heaviest beside the message's `evidence`: what, and its weight in log-odds. Older entries have all here."""
    shard_seconds: float = 0
    """From the decision to the beginning of the commit: waiting, writing, fdatasync."""
    commit_seconds: float = 0
    batch: int = 0
    """Copies in the same commit."""


class MessageTrace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message as it was handed over."""

    at: float
    """Unix time at which its replies were ready."""
    reverse_path: str
    copies: tuple[CopyTrace, ...]
    queue_id: str = ""
    peer: str = ""
    client_name: str = ""
    client_address: str = ""
    helo: str = ""
    protocol: str = ""
    message_id: str = ""
    size: int = 0
    seconds: float = 0
    """From its last octet to its replies."""
    inspect_seconds: float = 0
    evidence: bytes = b""
    """The features that weighed most, by number, as the classifier has them: named when somebody asks."""

    def names(self) -> Iterator[str]:
        """Everything by which it is found."""
        yield from (self.queue_id, self.message_id, self.reverse_path)
        for copy in self.copies:
            yield copy.recipient
            if copy.original:
                yield copy.original
            if copy.account != copy.recipient:
                yield copy.account
            if copy.content_id:
                yield format_id(copy.content_id)

    def answers(self, question: str) -> bool:
        wanted = folded(question)
        return any(folded(name) == wanted for name in self.names())


class Page(msgspec.Struct, frozen=True):
    """Entries as they are kept."""

    began_at: float
    ended_at: float
    entries: int
    keys: tuple[int, ...]
    """Signed 32-bit hashes of all names."""
    raw: bytes


def folded(name: str) -> str:
    """The form in which names are compared: without case and angle brackets."""
    return name.strip(AROUND_NAMES)[:LONGEST_NAME].casefold()


def key(name: str) -> int:
    found = zlib.crc32(folded(name).encode("utf-8", "replace"))
    return found - (1 << 32) if found & (1 << 31) else found


class PageMaker:
    """A page in the making, entry by entry: each becomes octets at once, so that a page leaves no thousand objects for
    the garbage collector to look through."""

    def __init__(self) -> None:
        self.names: list[str] = []
        """All names of its entries (`MessageTrace.names`), however often."""
        self.entries = 0
        self._began_at = self._ended_at = 0.0
        self._octets = bytearray(_HEAD.size)

    def add(self, row: Row) -> None:
        """The next entry; one that can't be written raises what msgspec says of it, and changes nothing."""
        before = len(self._octets)
        try:
            _encode_into(row, self._octets, -1)
        except BaseException:
            del self._octets[before:]
            raise
        if not self.entries:
            self._began_at = row[0]
        self._ended_at = row[0]
        self.entries += 1

    def page(self) -> Page:
        _HEAD.pack_into(self._octets, 0, _ARRAY, self.entries)
        raw = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(self._octets)
        return Page(self._began_at, self._ended_at, self.entries, _keys(set(self.names)), raw)


_encode_into = msgspec.msgpack.Encoder().encode_into
_ARRAY = 0xDD
_HEAD = struct.Struct(">BI")
"""Of an array of up to 2**32 - 1 elements in MessagePack."""


def _keys(names: Iterable[str]) -> tuple[int, ...]:
    """What `key` gives for each, most of it at one stroke: a page has thousands."""
    cut = [name for name in names if name]
    if not cut:
        return ()
    joined = "\0".join(cut)
    if max(map(len, cut)) > LONGEST_NAME or any(one in joined for one in AROUND_NAMES):
        cut = [name.strip(AROUND_NAMES)[:LONGEST_NAME] for name in cut]
        joined = "\0".join(cut)
    octets = joined.casefold().encode("utf-8", "replace").split(b"\0")
    if len(octets) != len(cut):  # a name with a zero octet in it
        return tuple(set(map(key, cut)))
    hashes = set(map(zlib.crc32, octets))
    return struct.unpack(f"={len(hashes)}i", struct.pack(f"={len(hashes)}I", *hashes))


def from_page(raw: bytes) -> tuple[MessageTrace, ...]:
    octets = zstandard.ZstdDecompressor().decompress(raw, max_output_size=MOST_PAGE_OCTETS)
    return msgspec.msgpack.decode(octets, type=tuple[MessageTrace, ...])
