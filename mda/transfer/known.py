"""What an account has already, so that an import can leave it out.

A file may hold the stored form, or the delivered form that an export has written. That one is told by what is left of
it without its prefix; only where header fields had been cut out of it as well, which is rare, are bodies read.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from mda.delivery import delivered_form
from mda.errors import NotFound, RecordDamaged, StorageUnavailable
from mda.metadata.mailbox import imported
from mda.metadata.mailbox.imported import Held
from mda.metadata.postgresql.opened import Handle
from mda.storage.reader import SegmentReader
from mda.storage.shard import Shard
from mda.transfer.exporting import read_body


class Known:
    """Of one account, whose bodies may lie on any of `shards`. `close` when done."""

    def __init__(self, handle: Handle, shards: Sequence[Shard], account_id: int) -> None:
        self._digests: set[bytes] = set()
        self._cut: dict[int, list[Held]] = defaultdict(list)
        for one in imported.contents(handle, account_id):
            self._digests.add(one.digest)
            if one.forged_spans:
                self._cut[one.delivered_size].append(one)
        self._readers = {shard.id: SegmentReader(shard) for shard in shards}

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()

    def is_new(self, raw: bytes) -> bool:
        """Whether the account lacks it; it is known from then on."""
        digest = hashlib.sha256(raw).digest()
        bare = delivered_form.without_prefix(raw)
        if digest in self._digests or hashlib.sha256(bare).digest() in self._digests or self._is_cut(raw):
            return False
        self._digests.add(digest)
        return True

    def _is_cut(self, raw: bytes) -> bool:
        return any(raw.startswith(one.prefix) and self._delivered(one) == raw for one in self._cut.get(len(raw), ()))

    def _delivered(self, one: Held) -> bytes | None:
        """None where its body can't be read: the file's copy is worth to be taken."""
        try:
            stored = read_body(self._readers, one.place, one.replica)
        except (RecordDamaged, NotFound, StorageUnavailable):
            return None
        return delivered_form.assemble(one.prefix, stored, one.forged_spans)
