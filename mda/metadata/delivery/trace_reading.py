"""What an admin asks of the trace; without SQLAlchemy, whose import takes longer than the answer.

A question reads the hashes of the whole window, a few hundred thousand a millisecond, and opens those pages that may
know.
"""

from datetime import datetime

from mda.metadata.postgresql.reading import Reader
from mda.trace import MessageTrace, from_page, key

FIND = """
SELECT raw FROM trace WHERE began_at >= :since AND keys @> ARRAY[:key ::integer] ORDER BY began_at, id
"""


def find(reader: Reader, question: str, since: datetime) -> tuple[MessageTrace, ...]:
    """What answers to the name, in order of time."""
    pages = reader.rows(FIND, since=since, key=key(question))
    found = [entry for page in pages for entry in from_page(bytes(page.raw)) if entry.answers(question)]
    return tuple(sorted(found, key=lambda entry: entry.at))
