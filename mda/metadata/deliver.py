"""The hot path into the database: a batch of deliveries becomes rows in one transaction and one round trip.

Offers `Committer`, which owns one direct connection (never through a transaction pooler: it prepares statements)
and belongs to one thread. What it promises of each `Delivery`: a UID of its own in its mailbox, in the order of the
batch; counters that equal the rows; one row per receipt, however often and on how many connections it is delivered.

Accounts are locked first. Those that somebody else holds are answered ACCOUNT_BUSY at once, or after
`lock_wait_seconds`; so are accounts that vanished since they were resolved, as only the directory's fresh answer may
be permanent. A row that PostgreSQL refuses is answered INTERNAL_ERROR and fails alone.
"""

from collections.abc import Sequence
from dataclasses import replace

from mda.causes import Cause
from mda.errors import CommitUnknown, DatabaseUnavailable
from mda.identifiers import IdentifierSource
from mda.metadata.delivery_row import Delivery, Destination, Stored
from mda.metadata.store_connection import RowRefused, StoreConnection
from mda.metadata.words import Role
from mda.settings import Database

__all__ = ["Committer", "Delivery", "Destination", "Outcome", "Stored"]

Outcome = Stored | Cause


class Committer:
    """Writes batches; after trouble the next `commit` reconnects by itself."""

    def __init__(self, url: str, limits: Database | None = None, identifiers: IdentifierSource | None = None) -> None:
        self._connection = StoreConnection(url, limits or Database(), identifiers or IdentifierSource())

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> tuple[Outcome, ...]:
        """One outcome per delivery, in order.

        DatabaseUnavailable: nothing of the batch was stored. CommitUnknown: the connection broke while the
        transaction was on its way, so that all or nothing of it was.
        """
        firsts: dict[object, int] = {}
        for place, delivery in enumerate(batch):
            firsts.setdefault(_identity(delivery, place), place)
        stored = self._store([batch[place] for place in firsts.values()], lock_wait_seconds)
        outcomes = dict(zip(firsts.values(), stored, strict=True))
        return tuple(
            outcomes[place] if place in outcomes else _repeated(outcomes[firsts[_identity(delivery, place)]])
            for place, delivery in enumerate(batch)
        )

    def close(self) -> None:
        """Ends the connection; a later `commit` opens another."""
        self._connection.close()

    def _store(self, batch: Sequence[Delivery], lock_wait: float, may_make: bool = True) -> list[Outcome]:
        if not batch:
            return []
        try:
            outcomes = self._connection.store(batch, lock_wait)
        except RowRefused:
            if len(batch) == 1:
                return [Cause.INTERNAL_ERROR]
            return [outcome for delivery in batch for outcome in self._store_rest([delivery], lock_wait, may_make)]
        lacking = [place for place, outcome in enumerate(outcomes) if outcome is None]
        if lacking and may_make:
            made = self._store_lacking([batch[place] for place in lacking], lock_wait)
            for place, outcome in zip(lacking, made, strict=True):
                outcomes[place] = outcome
        return [outcome or Cause.ACCOUNT_BUSY for outcome in outcomes]

    def _store_lacking(self, part: Sequence[Delivery], lock_wait: float) -> list[Outcome]:
        try:
            for account_id, role in sorted({(delivery.account_id, delivery.role) for delivery in part}):
                self._connection.make_mailbox(account_id, Role(role), lock_wait)
        except DatabaseUnavailable:
            return [Cause.DATABASE_UNAVAILABLE] * len(part)
        return self._store_rest(part, lock_wait, may_make=False)

    def _store_rest(self, part: Sequence[Delivery], lock_wait: float, may_make: bool) -> list[Outcome]:
        """Stores what is left of a batch when some of it is committed: trouble is an answer then, not an error."""
        try:
            return self._store(part, lock_wait, may_make)
        except DatabaseUnavailable:
            return [Cause.DATABASE_UNAVAILABLE] * len(part)
        except CommitUnknown:
            return [Cause.COMMIT_UNKNOWN] * len(part)


def _identity(delivery: Delivery, place: int) -> object:
    """Equal for deliveries of which one is to be stored."""
    return place if delivery.receipt is None else (delivery.account_id, delivery.receipt)


def _repeated(first: Outcome) -> Outcome:
    return replace(first, is_duplicate=True) if isinstance(first, Stored) else first
