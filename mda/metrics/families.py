"""Every metric that the service counts, in Prometheus' conventions (base units, _total for counters).

Offers one `Family` per metric and `FAMILIES`, all of them. Labels hold words of ours, names of shards and nothing that
came from a mail: a peer must not be able to make series.
"""

from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(Enum):
    """How a gauge of several processes is one figure."""

    SUM = "sum"
    LEAST = "least"
    MOST = "most"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """`bounds` are a histogram's upper bounds, ascending, without infinity."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    merge: Merge = Merge.SUM
    cells: int = field(init=False)
    """Numbers that one series takes: a value, or each bucket with infinity's, and the sum."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1)


SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
OCTETS = (1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0)
BATCH = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(name, Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str, merge: Merge = Merge.SUM) -> Family:
    return Family(name, Kind.GAUGE, text, labels, merge=merge)


def _histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Family:
    return Family(name, Kind.HISTOGRAM, text, labels, bounds)


RECIPIENTS = _counter("mda_recipients_total", "Recipients asked for by RCPT, by what was answered.", "cause")
LOOKUPS_REMEMBERED = _counter("mda_lookups_remembered_total", "Recipients answered without asking the database.")
LOOKUP_SECONDS = _histogram("mda_lookup_seconds", "One query to the directory, of all asked at once.", SECONDS)

DELIVERIES = _counter(
    "mda_deliveries_total", "Copies of messages after DATA, by what became of them.", "result", "cause"
)
MESSAGE_BYTES = _histogram("mda_message_bytes", "Sizes of the messages that were taken in hand.", OCTETS)
DELIVERY_SECONDS = _histogram("mda_delivery_seconds", "From the last octet of a message to its replies.", SECONDS)
INSPECT_SECONDS = _histogram("mda_inspect_seconds", "Parsing and classifying one message that was answered.", SECONDS)
VERDICTS = _counter("mda_spam_verdicts_total", "Copies of messages by the spam filter's verdict.", "verdict")
QUOTA_WARNINGS = _counter("mda_quota_warnings_total", "Warnings written to accounts that reached a soft limit.")

APPEND_SECONDS = _histogram("mda_append_seconds", "Writing one batch to a shard, fdatasync included.", SECONDS, "shard")
APPEND_RECORDS = _histogram("mda_append_records", "Records in one batch to a shard.", BATCH, "shard")
APPEND_FAILURES = _counter("mda_append_failures_total", "Batches that a shard could not take.", "shard")
COMMIT_SECONDS = _histogram("mda_commit_seconds", "One batch of rows, COMMIT included.", SECONDS, "lane")
COMMIT_ROWS = _histogram("mda_commit_rows", "Copies in one batch of rows.", BATCH, "lane")
COMMIT_FAILURES = _counter("mda_commit_failures_total", "Batches of rows that failed, or may have.", "lane")

CONNECTIONS = _gauge("mda_lmtp_connections", "LMTP connections that are open.")
CONNECTIONS_TAKEN = _counter("mda_lmtp_connections_total", "LMTP connections that were accepted.")
HELD_BYTES = _gauge("mda_held_bytes", "Octets of messages held in memory.")

DATABASE_UP = _gauge("mda_database_up", "1 where a worker reached the database at its last look.", merge=Merge.LEAST)
SHARD_UP = _gauge("mda_shard_up", "1 where the shard's folder can be reached.", "shard", merge=Merge.LEAST)
SHARD_FREE = _gauge("mda_shard_free_bytes", "Free space of the shard's disk.", "shard", merge=Merge.LEAST)

WORKERS = _gauge("mda_workers", "Worker processes by stage.", "stage")
WORKERS_WANTED = _gauge("mda_workers_wanted", "Worker processes that the settings ask for.")
WORKER_DEATHS = _counter("mda_worker_deaths_total", "Workers that ended unasked.")
WORKER_STALLS = _counter("mda_worker_stalls_total", "Workers that were killed because they stood still.")
CPU_SECONDS = _counter("mda_cpu_seconds_total", "Processor time of the workers.")
RESIDENT_BYTES = _gauge("mda_resident_bytes", "Memory of the workers.")
START_TIME = _gauge("mda_start_time_seconds", "When the supervisor began, since 1970.", merge=Merge.MOST)

LOG_LINES = _counter("mda_log_lines_total", "Events by level, as they were logged.", "level")
TRACES_LOST = _counter("mda_traces_lost_total", "Messages whose trace could not be kept.")

FAMILIES = tuple(value for value in tuple(globals().values()) if isinstance(value, Family))
BY_NAME = {family.name: family for family in FAMILIES}
