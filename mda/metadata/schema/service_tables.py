"""What the service itself keeps: the trace of each message, checkpoints of the shards, what is purged, tasks."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, false

from mda.metadata.schema.columns import TIME, bigint, counter, document, moment, optional, required
from mda.metadata.schema.directory_tables import METADATA

TRACE_PARTITION_PREFIX = "trace_"
"""Partitions of `trace` are named by their day (trace_20261123); trace_default takes what has none."""

trace = Table(
    "trace",
    METADATA,
    required("occurred_at", TIME),
    bigint("id"),
    required("event"),
    optional("queue_id"),
    optional("message_id_hash", BigInteger()),
    optional("recipient"),
    optional("account_id", BigInteger()),
    optional("content_id", BigInteger()),
    document("details"),
    PrimaryKeyConstraint("occurred_at", "id"),
    Index("trace_queue_id_idx", "queue_id"),
    Index("trace_message_id_hash_idx", "message_id_hash"),
    Index("trace_recipient_idx", "recipient"),
    postgresql_partition_by="RANGE (occurred_at)",  # a day is dropped whole, never deleted row by row
)

checkpoint = Table(
    "checkpoint",
    METADATA,
    bigint("shard_id"),
    bigint("id"),
    bigint("segment"),
    bigint("offset"),
    bigint("length"),
    moment("created_at"),
    PrimaryKeyConstraint("shard_id", "id"),
    ForeignKeyConstraint(["shard_id"], ["shard.id"]),
)

purged = Table(
    "purged",
    METADATA,
    bigint("account_id"),
    bigint("content_id"),  # 0: everything that the account ever had
    Column(
        "is_urgent", Boolean, nullable=False, server_default=false()
    ),  # erase now, not when a segment is mostly dead
    Column("is_recorded", Boolean, nullable=False, server_default=false()),  # its purge record is durable
    bigint("shard_id"),  # takes the purge record
    moment("purged_at"),
    PrimaryKeyConstraint("account_id", "content_id"),
)
"""What compaction may leave out of the segments though no row says where it is. Not the account's own: it outlives
the account's rows, until no segment holds the record any more."""

task = Table(
    "task",
    METADATA,
    bigint("id"),
    required("kind"),
    document("arguments"),
    moment("run_at"),
    counter("attempts"),
    optional("last_error"),
    moment("created_at"),
    PrimaryKeyConstraint("id"),
    Index("task_run_at_idx", "run_at"),
)
