"""The hot path into the database: a batch of deliveries becomes rows in one transaction and one round trip.

Offers `Committer`, which owns one direct connection (never through a transaction pooler: it prepares statements)
and belongs to one thread. What it promises of each `Delivery`: a UID of its own in its mailbox, in the order of the
batch; counters that equal the rows; one row per receipt, however often and on how many connections it is delivered.

Accounts are locked first. Those that somebody else holds are answered ACCOUNT_BUSY at once, or after
`lock_wait_seconds`. Accounts that vanished since they were resolved are ACCOUNT_BUSY without a wait and ACCOUNT_GONE
with one: temporary, as only the directory's fresh answer may be permanent. A row that PostgreSQL refuses is answered
INTERNAL_ERROR and fails alone.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from mda.causes import Cause
from mda.errors import CommitUnknown, DatabaseUnavailable
from mda.identifiers import IdentifierSource
from mda.metadata.delivery.delivery_row import Delivery, Destination, Stored
from mda.metadata.delivery.store_connection import RowLocked, RowRefused, StoreConnection
from mda.metadata.schema.words import Role
from mda.settings import Database

ROWS_AT_ONCE = 1000
OCTETS_AT_ONCE = 16_777_216
"""What one statement may carry; one row always fits. Each account's row of a message repeats what was parsed of it:
for a list's message with megabytes of header, one statement for all would be gigabytes."""

__all__ = ["Committer", "Delivery", "Destination", "Outcome", "Stored"]

Outcome = Stored | Cause


class Committer:
    """Writes batches; after trouble the next `commit` reconnects by itself."""

    def __init__(self, url: str, limits: Database | None = None, identifiers: IdentifierSource | None = None) -> None:
        self._connection = StoreConnection(url, limits or Database(), identifiers or IdentifierSource())

    def commit(self, batch: Sequence[Delivery], lock_wait_seconds: float = 0) -> tuple[Outcome, ...]:
        """One outcome per delivery, in order.

        DatabaseUnavailable: nothing of the batch was stored. CommitUnknown: the connection broke while the
        transaction was on its way, so that all or nothing of it was. A batch too large for one statement is stored
        in parts, and trouble behind the first part is an answer.
        """
        firsts: dict[object, int] = {}
        for place, delivery in enumerate(batch):
            firsts.setdefault(_identity(delivery, place), place)
        first, *rest = _slices([batch[place] for place in firsts.values()])
        stored = self._store(first, lock_wait_seconds)
        for part in rest:
            stored += self._store_rest(part, lock_wait_seconds, may_make=True)
        if len(stored) == len(batch):
            return tuple(stored)
        outcomes = dict(zip(firsts.values(), stored, strict=True))
        return tuple(
            outcomes[place] if place in outcomes else _repeated(outcomes[firsts[_identity(delivery, place)]])
            for place, delivery in enumerate(batch)
        )

    def close(self) -> None:
        """Ends the connection; a later `commit` opens another."""
        self._connection.close()

    def _store(
        self, batch: Sequence[Delivery], lock_wait: float, may_make: bool = True, is_impatient: bool = False
    ) -> list[Outcome]:
        if not batch:
            return []
        try:
            outcomes = self._connection.store(batch, lock_wait, is_impatient)
        except RowLocked:
            return [Cause.ACCOUNT_BUSY] * len(batch) if is_impatient else self._store_by_account(batch, may_make)
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

    def _store_by_account(self, batch: Sequence[Delivery], may_make: bool) -> list[Outcome]:
        """Each account's share alone and without patience: somebody holds rows of one of them, or a whole table."""
        shares: dict[int, list[int]] = {}
        for place, delivery in enumerate(batch):
            shares.setdefault(delivery.account_id, []).append(place)
        outcomes: list[Outcome] = [Cause.ACCOUNT_BUSY] * len(batch)
        for places in shares.values():
            stored = self._store_rest([batch[place] for place in places], 0, may_make, is_impatient=True)
            for place, outcome in zip(places, stored, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _store_lacking(self, part: Sequence[Delivery], lock_wait: float) -> list[Outcome]:
        try:
            for account_id, role in sorted({(delivery.account_id, delivery.role) for delivery in part}):
                self._connection.make_mailbox(account_id, Role(role), lock_wait)
        except DatabaseUnavailable:
            return [Cause.DATABASE_UNAVAILABLE] * len(part)
        return self._store_rest(part, lock_wait, may_make=False)

    def _store_rest(
        self, part: Sequence[Delivery], lock_wait: float, may_make: bool, is_impatient: bool = False
    ) -> list[Outcome]:
        """Stores what is left of a batch when some of it is committed: trouble is an answer then, not an error."""
        try:
            return self._store(part, lock_wait, may_make, is_impatient)
        except DatabaseUnavailable:
            return [Cause.DATABASE_UNAVAILABLE] * len(part)
        except CommitUnknown:
            return [Cause.COMMIT_UNKNOWN] * len(part)


def _slices(batch: Sequence[Delivery]) -> list[list[Delivery]]:
    """The batch in order, cut where a statement is full; at least one slice."""
    slices: list[list[Delivery]] = [[]]
    octets = 0
    for delivery in batch:
        added = delivery.parsed_octets
        octets += added
        if slices[-1] and (octets > OCTETS_AT_ONCE or len(slices[-1]) == ROWS_AT_ONCE):
            slices.append([])
            octets = added
        slices[-1].append(delivery)
    return slices


def _identity(delivery: Delivery, place: int) -> object:
    """Equal for deliveries of which one is to be stored."""
    return place if delivery.receipt is None else (delivery.account_id, delivery.receipt)


def _repeated(first: Outcome) -> Outcome:
    return replace(first, is_duplicate=True) if isinstance(first, Stored) else first
