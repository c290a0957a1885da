"""The nightly end of what was expunged long enough ago."""

from dataclasses import dataclass
from datetime import datetime

from mda.errors import NotFound
from mda.identifiers import IdentifierSource
from mda.maintenance.purging import record_purges
from mda.metadata.mailbox import retention
from mda.metadata.postgresql.opened import Handle


@dataclass(frozen=True, slots=True)
class Expired:
    """`rows` can't be undeleted any more; `contents` are purged: their bodies are dead."""

    rows: int
    contents: int


def expire(handle: Handle, identifiers: IdentifierSource, now: datetime, default_days: int) -> Expired:
    """Closes the windows of every account that is not held, and purges what nothing refers to then."""
    rows = 0
    for account_id in retention.accounts_with_expunged(handle):
        try:
            rows += retention.expire(handle, account_id, now, default_days)
        except NotFound:
            continue  # purged since
    return Expired(rows, record_purges(handle, identifiers))
