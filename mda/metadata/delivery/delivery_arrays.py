"""A batch of deliveries as the array literals that the store statement takes: one per parameter, in its order.

Each column is written by what it holds, not value by value, and put into the statement as it is: for a lone message the
database's driver would take longer to quote twenty parameters than the rest of the batch's thread to make them.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from mda.metadata.delivery.deliver_statements import PARAMETERS, REPLICA_PARAMETERS
from mda.metadata.delivery.delivery_row import Delivery, Replica, in_utc

_Values = Iterable[object]


def _numbers(values: _Values) -> str:
    return ",".join(map(str, values)).replace("None", "NULL")


def _octets(values: Iterable[bytes | None]) -> str:
    return ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values])


def _moments(values: Iterable[datetime | None]) -> str:
    in_time = [value and in_utc(value) for value in values]
    return ",".join([value.isoformat() if value else "NULL" for value in in_time])


def _words(values: Iterable[str]) -> str:
    """Of a closed set (`mda.metadata.schema.words`), which has nothing that would have to be quoted."""
    return ",".join(values)


_WRITERS: dict[str, Callable[..., str]] = {
    "bigint": _numbers,
    "integer": _numbers,
    "real": _numbers,
    "boolean": _numbers,
    "bytea": _octets,
    "timestamptz": _moments,
    "text": _words,
}

_COLUMNS = tuple((_WRITERS[kind], attrgetter(name)) for name, kind in PARAMETERS)

_REPLICA_COLUMNS = tuple(
    (_WRITERS[kind], attrgetter(name))
    for name, (_, kind) in zip(Replica.__struct_fields__, REPLICA_PARAMETERS, strict=True)
)


def arrays(batch: Sequence[Delivery]) -> tuple[str, ...]:
    """One array literal per parameter of the store statement, each of as many elements as the batch."""
    return tuple([f"{{{write(map(take, batch))}}}" for write, take in _COLUMNS])


def replica_arrays(batch: Sequence[Delivery]) -> tuple[str, ...]:
    """The further parameters for a batch in which something has a second record."""
    found = [delivery.replica for delivery in batch]
    return tuple([f"{{{write([one and take(one) for one in found])}}}" for write, take in _REPLICA_COLUMNS])


def quoted(literals: Iterable[str]) -> tuple[str, ...]:
    """As they stand in a statement, where standard_conforming_strings is on."""
    return tuple([f"""'{literal.replace("'", "''")}'""" for literal in literals])
