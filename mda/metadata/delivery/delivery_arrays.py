"""A batch of deliveries as the array literals that the store statement takes: one per parameter, in its order."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from mda.metadata.delivery.deliver_statements import PARAMETERS
from mda.metadata.delivery.delivery_row import Delivery, Replica, in_utc
from mda.metadata.postgresql.array_literal import array_literal

_Taker = Callable[[Delivery], object]

_DERIVED: dict[str, _Taker] = {
    "internal_date": lambda delivery: in_utc(delivery.internal_date),
    "received_at": lambda delivery: in_utc(delivery.received_at),
}

_TAKERS: tuple[_Taker, ...] = tuple(_DERIVED.get(name) or attrgetter(name) for name, _ in PARAMETERS)


_REPLICA_TAKERS: tuple[Callable[[Replica], object], ...] = tuple(attrgetter(name) for name in Replica.__struct_fields__)


def arrays(batch: Sequence[Delivery]) -> tuple[str, ...]:
    """One array literal per parameter of the store statement, each of as many elements as the batch."""
    return tuple(array_literal([take(delivery) for delivery in batch]) for take in _TAKERS)


def replica_arrays(batch: Sequence[Delivery]) -> tuple[str, ...]:
    """The further parameters for a batch in which something has a second record."""
    found = [delivery.replica for delivery in batch]
    return tuple(array_literal([one and take(one) for one in found]) for take in _REPLICA_TAKERS)
