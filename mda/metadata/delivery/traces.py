"""The pages of the trace: written now and then by each worker, found by the hashes of their names, forgotten by age.

A page stands for hundreds of messages, so that a message costs a few octets and no index entry; a question reads the
hashes of the whole window, a few hundred thousand a millisecond.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from mda.identifiers import IdentifierSource
from mda.metadata.postgresql.engine import transaction
from mda.trace import MessageTrace, Page, from_page, key

INSERT = """
INSERT INTO trace (began_at, id, ended_at, entries, keys, raw)
VALUES (:began_at, :id, :ended_at, :entries, :keys ::integer[], :raw)
"""

FIND = """
SELECT raw FROM trace WHERE began_at >= :since AND keys @> ARRAY[:key ::integer] ORDER BY began_at, id
"""


def append(engine: Engine, identifiers: IdentifierSource, page: Page) -> None:
    """Not waited for by the disk: what a crash takes is at most the trace of the last seconds, never mail."""
    keys = ",".join(map(str, page.keys))  # one string: thousands of numbers, adapted one by one, cost more
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        connection.execute(
            text(INSERT),
            {
                "began_at": datetime.fromtimestamp(page.began_at, UTC),
                "id": identifiers.next(),
                "ended_at": datetime.fromtimestamp(page.ended_at, UTC),
                "entries": page.entries,
                "keys": f"{{{keys}}}",
                "raw": page.raw,
            },
        )


def find(engine: Engine, question: str, since: datetime) -> Iterator[MessageTrace]:
    """What answers to the name, in order of time."""
    with transaction(engine) as connection:
        pages = connection.scalars(text(FIND), {"since": since, "key": key(question)}).all()
    found = [entry for raw in pages for entry in from_page(bytes(raw)) if entry.answers(question)]
    yield from sorted(found, key=lambda entry: entry.at)


def recent(engine: Engine, since: datetime) -> tuple[MessageTrace, ...]:
    """Everything of pages that have ended since."""
    with transaction(engine) as connection:
        pages = connection.scalars(text("SELECT raw FROM trace WHERE ended_at >= :since"), {"since": since}).all()
    return tuple(entry for raw in pages for entry in from_page(bytes(raw)) if entry.at >= since.timestamp())


def forget_old(engine: Engine, days: int) -> int:
    """Pages that are older; how many went."""
    with transaction(engine) as connection:
        return connection.execute(
            text("DELETE FROM trace WHERE ended_at < :before"), {"before": datetime.now(UTC) - timedelta(days=days)}
        ).rowcount
