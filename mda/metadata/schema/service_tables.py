"""What the service itself keeps: the trace of each message, checkpoints of the shards, what is purged, tasks."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    false,
)

from mda.metadata.schema.columns import TIME, bigint, counter, document, moment, optional, required
from mda.metadata.schema.directory_tables import METADATA

trace = Table(
    "trace",
    METADATA,
    required("began_at", TIME),
    bigint("id"),
    required("ended_at", TIME),
    Column("entries", Integer, nullable=False),
    Column("keys", ARRAY(Integer), nullable=False),  # hashes of the names in it
    required("raw", LargeBinary()),  # mda.trace.Page
    PrimaryKeyConstraint("began_at", "id"),
)
"""Pages of hundreds of messages each: no index entry a message, and old ones are few rows to delete."""

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
