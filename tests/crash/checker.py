"""Holds the store against the ledger: the rows as PostgreSQL has them, the bytes as they lie in the shard.

Segments are read by tests/unit/storage/segment_reader.py, which knows docs/segment-format.md and nothing of the
program. The checks may run under load: what was acknowledged before they ask must be there, and each statement sees
one moment.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, Row, bindparam, text

from mda.storage.location import segment_path
from mda.storage.shard import MARKER
from tests.crash.ledger import Acknowledged, Ledger, digest_behind_mark, name_in
from tests.unit.storage.segment_reader import read_record


class Flaw(Enum):
    LOST = "an acknowledged message has no row"
    MOVED = "a row has another UID than was acknowledged"
    UNREADABLE = "a row's record can't be read"
    CHANGED = "a row's bytes are not those that were sent"
    FOREIGN = "a row's bytes are no mail of ours"
    DUPLICATED = "a mail is stored more often than it has recipients"
    SINGLE = "a row has no second record, though its account has a second shard"
    MISSING = "a mail that nobody has any more is not stored"
    COUNTERS = "counters differ from the rows"
    UID_NEXT = "a UID is not below UIDNEXT"
    UID_TWICE = "a UID was given out twice"
    WRONG_REPLY = "an answer that must never come"
    UNCOMMITTED = "a commit record names what PostgreSQL does not have"


@dataclass(frozen=True, slots=True)
class Finding:
    flaw: Flaw
    what: str

    def __str__(self) -> str:
        return f"{self.flaw.name}: {self.flaw.value}: {self.what}"


_ROWS = """
SELECT account.address, content.id, message.mailbox_id, message.uid, content.segment, content."offset",
    content.length, content.digest
FROM content JOIN account ON account.id = content.account_id
    JOIN message ON (message.account_id, message.content_id) = (content.account_id, content.id)
"""

ROWS = text(_ROWS)
SOME_ROWS = text(_ROWS + " WHERE content.id IN :ids").bindparams(bindparam("ids", expanding=True))

_REPLICAS = """
SELECT account.address, content.id, 0 AS mailbox_id, 0 AS uid, replica.segment, replica."offset", replica.length,
    content.digest
FROM content JOIN account ON account.id = content.account_id AND account.replica_shard_id IS NOT NULL
    JOIN message ON (message.account_id, message.content_id) = (content.account_id, content.id)
    LEFT JOIN replica ON (replica.account_id, replica.content_id) = (content.account_id, content.id)
        AND replica.shard_id = account.replica_shard_id
"""

REPLICAS = text(_REPLICAS)
SOME_REPLICAS = text(_REPLICAS + " WHERE content.id IN :ids").bindparams(bindparam("ids", expanding=True))

COUNTERS = text("""
WITH counted AS (
    SELECT message.account_id, message.mailbox_id, count(*) AS messages, max(uid) AS top, sum(delivered_size) AS bytes
    FROM message JOIN content ON (content.account_id, content.id) = (message.account_id, message.content_id)
    GROUP BY 1, 2
)
SELECT mailbox.account_id, mailbox.name, mailbox.message_count, mailbox.uid_next, mailbox.bytes,
    coalesce(messages, 0) AS messages, coalesce(top, 0) AS top, coalesce(counted.bytes, 0) AS counted_bytes
FROM mailbox LEFT JOIN counted ON (counted.account_id, counted.mailbox_id) = (mailbox.account_id, mailbox.id)
""")

ACCOUNTS = text("""
SELECT account_state.account_id, account_state.message_count, account_state.bytes,
    coalesce(sum(mailbox.message_count), 0) AS messages, coalesce(sum(mailbox.bytes), 0) AS counted_bytes
FROM account_state LEFT JOIN mailbox USING (account_id)
GROUP BY 1, 2, 3
""")

ORPHANS = text("""
SELECT count(*) FROM content LEFT JOIN message
    ON (message.account_id, message.content_id) = (content.account_id, content.id)
WHERE message.uid IS NULL
""")


class Records:
    """The records of all shards below a folder."""

    def __init__(self, shards: Path) -> None:
        self._roots = [marker.parent for marker in shards.glob(f"*/{MARKER}")]

    def read(self, rows: Sequence[Row[tuple[object, ...]]]) -> Iterator[tuple[Row[tuple[object, ...]], bytes | None]]:
        """Each row with its raw bytes, or None; rows of one record share them."""
        last: tuple[int, int] | None = None
        segment, stored, raw, root = None, b"", None, Path()
        for row in sorted(rows, key=lambda row: (row.segment, row.offset)):
            if row.segment != segment:
                segment, root = row.segment, self._root_of(row.segment)
                stored = _bytes(segment_path(root, segment))
            if (row.segment, row.offset) != last:
                last, raw = (row.segment, row.offset), _raw(stored, row.offset, row.length, root)
            yield row, raw

    def _root_of(self, segment: int) -> Path:
        """The root that has the segment; none has it: an empty path."""
        return next((root for root in self._roots if segment_path(root, segment).exists()), Path())


def _bytes(path: Path) -> bytes:
    """Up to its seal; nothing where the segment is nowhere."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return b""
    seal = path.with_suffix(".seal")
    return stored[: int(seal.read_text().split("length=")[1].split()[0])] if seal.exists() else stored


def _raw(stored: bytes, offset: int, length: int, root: Path) -> bytes | None:
    record = read_record(stored, offset, root / "dictionaries") if len(stored) >= offset + length else None
    return record["raw"] if record else None


def check_new(connection: Connection, shards: Path, ledger: Ledger, said: Sequence[Acknowledged]) -> list[Finding]:
    """What has been acknowledged lately, and the counters."""
    found: list[Finding] = []
    if said:
        ids = {"ids": [one.content_id for one in said]}
        rows, replicas = connection.execute(SOME_ROWS, ids).all(), connection.execute(SOME_REPLICAS, ids).all()
        found += _check_acknowledged(said, rows)
        found += _check_bytes(Records(shards), ledger, rows)
        found += _check_replicas(Records(shards), ledger, replicas)
    return found + check_counters(connection) + wrong_replies(ledger)


def check_all(connection: Connection, shards: Path, ledger: Ledger, is_settled: bool) -> list[Finding]:
    """Every row; `is_settled`: nothing is under way or queued any more, so that each mail must be there."""
    said = ledger.since(0)
    rows, replicas = connection.execute(ROWS).all(), connection.execute(REPLICAS).all()
    found = check_counters(connection)  # before the bytes: PostgreSQL ends a transaction that is idle for minutes
    copies: Counter[tuple[str, str]] = Counter()
    found += _check_acknowledged(said, rows) + _check_bytes(Records(shards), ledger, rows, copies)
    found += _check_replicas(Records(shards), ledger, replicas)
    return found + _check_copies(ledger, copies, is_settled) + wrong_replies(ledger)


def _check_acknowledged(said: Iterable[Acknowledged], rows: Sequence[Row[tuple[object, ...]]]) -> list[Finding]:
    known = {row.id: row for row in rows}
    found = []
    given: dict[tuple[int, int], int] = {}
    for one in said:
        row = known.get(one.content_id)
        if row is None:
            found.append(Finding(Flaw.LOST, str(one)))
            continue
        if row.uid != one.uid:
            found.append(Finding(Flaw.MOVED, f"{one}, now {row.uid}"))
        if given.setdefault((row.mailbox_id, one.uid), one.content_id) != one.content_id:
            found.append(Finding(Flaw.UID_TWICE, f"{one} in mailbox {row.mailbox_id}"))
    return found


def _check_bytes(
    records: Records,
    ledger: Ledger,
    rows: Sequence[Row[tuple[object, ...]]],
    copies: Counter[tuple[str, str]] | None = None,
) -> list[Finding]:
    """`copies` takes how often each mail was found in each account."""
    found = []
    for row, raw in records.read(rows):
        place = f"{row.address} uid {row.uid} id {row.id}"
        expected = ledger.mails.get(name_in(raw)) if raw is not None else None
        if raw is None:
            found.append(Finding(Flaw.UNREADABLE, place))
        elif expected is None:
            found.append(Finding(Flaw.FOREIGN, place))
        elif expected.digest != digest_behind_mark(raw) or bytes(row.digest) != hashlib.sha256(raw).digest():
            found.append(Finding(Flaw.CHANGED, place))
        elif copies is not None:
            copies[name_in(raw), row.address] += 1
    return found


def _check_replicas(records: Records, ledger: Ledger, rows: Sequence[Row[tuple[object, ...]]]) -> list[Finding]:
    """Second records; a row comes without a place where there is none."""
    found = [Finding(Flaw.SINGLE, f"{row.address} id {row.id}") for row in rows if row.segment is None]
    return found + _check_bytes(records, ledger, [row for row in rows if row.segment is not None])


def _check_copies(ledger: Ledger, copies: Counter[tuple[str, str]], is_settled: bool) -> list[Finding]:
    found = []
    for name, mail in ledger.expected():
        for account, wanted in Counter(map(account_of, mail.recipients)).items():
            stored = copies[name, account]
            if stored > wanted:
                found.append(Finding(Flaw.DUPLICATED, f"{name} in {account}: {stored} times for {wanted}"))
            if is_settled and mail.is_sure and stored < wanted:
                found.append(Finding(Flaw.MISSING, f"{name} in {account}: {stored} times for {wanted}"))
    return found


def account_of(recipient: str) -> str:
    local_part, _, domain = recipient.partition("@")
    return f"{local_part.partition('+')[0]}@{domain}"


def check_counters(connection: Connection) -> list[Finding]:
    found = []
    with connection.begin_nested() if connection.in_transaction() else connection.begin():
        for row in connection.execute(COUNTERS):
            place = f"account {row.account_id} mailbox {row.name}: {tuple(row)[2:]}"
            if (row.message_count, row.bytes) != (row.messages, row.counted_bytes):
                found.append(Finding(Flaw.COUNTERS, place))
            if row.uid_next <= row.top:
                found.append(Finding(Flaw.UID_NEXT, place))
        for row in connection.execute(ACCOUNTS):
            if (row.message_count, row.bytes) != (row.messages, row.counted_bytes):
                found.append(Finding(Flaw.COUNTERS, f"account {row.account_id}: {tuple(row)[1:]}"))
        if orphans := connection.execute(ORPHANS).scalar_one():
            found.append(Finding(Flaw.COUNTERS, f"{orphans} contents without a message"))
    return found


def wrong_replies(ledger: Ledger) -> list[Finding]:
    return [Finding(Flaw.WRONG_REPLY, reply) for reply in list(ledger.wrong)]
