"""The segments at rest: each has a seal, and its commit records name what PostgreSQL has, and nothing else.

A worker that is killed takes the commit records of its last second with it (docs/durability.md); so rows without one
are counted, and only a commit record without its row is a flaw.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Row, text

from mda.storage.commits import CommitRecord, unpack_commits
from tests.crash.checker import Finding, Flaw
from tests.unit.storage.segment_reader import read_segment

COMMITTED = text("""
SELECT message.account_id, message.mailbox_id, message.uid, message.content_id, receipt.digest
FROM message LEFT JOIN receipt ON (receipt.account_id, receipt.content_id) = (message.account_id, message.content_id)
""")

COMMIT = 2
"""The kind of a commit record."""


@dataclass(frozen=True, slots=True)
class CommitsRead:
    segments: int
    unsealed: int
    rows: int
    rows_with_record: int

    def __str__(self) -> str:
        return (
            f"{self.segments} segments ({self.unsealed} not sealed), {self.rows} rows,"
            f" {self.rows_with_record} of them with a commit record"
        )


def check_commits(connection: Connection, shards: Path) -> tuple[CommitsRead, list[Finding]]:
    rows = {_record(row) for row in connection.execute(COMMITTED)}
    paths = sorted(shards.rglob("*.seg"))
    records = {
        commit
        for path in paths
        for record in read_segment(path)
        if record["kind"] == COMMIT
        for commit in unpack_commits(record["raw"])
    }
    found = [Finding(Flaw.UNCOMMITTED, str(record)) for record in records - rows]
    return CommitsRead(len(paths), len(open_segments(shards)), len(rows), len(rows & records)), found


def open_segments(shards: Path) -> list[Path]:
    """Those without a seal."""
    return [path for path in shards.rglob("*.seg") if not path.with_suffix(".seal").exists()]


def _record(row: Row[tuple[object, ...]]) -> CommitRecord:
    return CommitRecord(row.account_id, row.mailbox_id, row.uid, row.content_id, bytes(row.digest or bytes(16)))
