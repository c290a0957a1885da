"""The pages of the trace: written now and then by each worker, forgotten by age; `trace_reading` finds them.

A page stands for hundreds of messages, so that a message costs a few octets and no index entry; a question reads the
hashes of the whole window, a few hundred thousand a millisecond.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from mda.identifiers import IdentifierSource
from mda.metadata.postgresql.engine import transaction
from mda.trace import MessageTrace, Page, from_page

INSERT = """
INSERT INTO trace (began_at, id, ended_at, entries, keys, raw)
VALUES (:began_at, :id, :ended_at, :entries, :keys ::integer[], :raw)
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
