"""Bodies of commit and purge records: what the database has committed, and what is to be forgotten.

Fixed-size entries, one after the other (docs/segment-format.md). `unpack_*` raise Malformed for a length that is no
multiple of an entry's.
"""

import struct
from collections.abc import Sequence

import msgspec

from mda.storage.record import NO_RECEIPT, Flaw, Malformed, Target

_COMMIT = struct.Struct("<qqIq16s")
_PURGE = struct.Struct("<qq")


class CommitRecord(msgspec.Struct, frozen=True):
    """One committed row: the message `content_id` stands in the mailbox under `uid`. `receipt` is NO_RECEIPT
    (zero bytes) for mail that came without one (imports, `mda deliver`)."""

    account_id: int
    mailbox_id: int
    uid: int
    content_id: int
    receipt: bytes = NO_RECEIPT


def pack_commits(commits: Sequence[CommitRecord]) -> bytes:
    return b"".join(
        [
            _COMMIT.pack(entry.account_id, entry.mailbox_id, entry.uid, entry.content_id, entry.receipt)
            for entry in commits
        ]
    )


def unpack_commits(raw: bytes) -> tuple[CommitRecord, ...]:
    if len(raw) % _COMMIT.size:
        raise Malformed(Flaw.BODY_VALUE)
    return tuple(CommitRecord(*entry) for entry in _COMMIT.iter_unpack(raw))


def pack_purges(purged: Sequence[Target]) -> bytes:
    return b"".join(_PURGE.pack(entry.account_id, entry.content_id) for entry in purged)


def unpack_purges(raw: bytes) -> tuple[Target, ...]:
    if len(raw) % _PURGE.size:
        raise Malformed(Flaw.BODY_VALUE)
    return tuple(Target(*entry) for entry in _PURGE.iter_unpack(raw))
