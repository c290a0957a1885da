"""What can be read of the server that the database runs on, for an admin to judge. Reads only, refuses nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from mda.metadata.postgresql.engine import transaction

FACTS = """
SELECT current_setting('server_version_num')::int / 10000 AS major,
       current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() AS is_standby,
       current_setting('fsync') = 'on' AS syncs,
       current_setting('full_page_writes') = 'on' AS writes_full_pages,
       current_setting('data_checksums') = 'on' AS has_checksums,
       pg_size_bytes(current_setting('shared_buffers')) AS buffers_bytes,
       pg_size_bytes(current_setting('max_wal_size')) AS most_wal_bytes,
       current_setting('wal_compression') AS wal_compression,
       (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'wal_compression') AS has_lz4,
       current_setting('max_connections')::int AS most_connections,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS connections,
       current_setting('is_superuser') = 'on' AS is_superuser,
       current_setting('port')::int AS port,
       d.datname AS name,
       d.datcollate AS collation,
       d.datcollversion AS collation_version,
       pg_database_collation_actual_version(d.oid) AS collation_actual,
       pg_database_size(d.oid) AS size_bytes,
       coalesce((SELECT extract(epoch FROM max(clock_timestamp() - xact_start)) FROM pg_stat_activity
                 WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()), 0)::float8
           AS oldest_transaction_seconds,
       clock_timestamp() AS clock
FROM pg_database AS d WHERE d.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`collation_version` is what the database was made with, `collation_actual` what the system has now; None where
    the collation has no version. `has_lz4`: whether the server was built with it. `is_superuser`: whether we may change
    its settings. `clock_ahead_seconds` is how far its clock is before ours."""

    major: int
    version: str
    encoding: str
    is_standby: bool
    syncs: bool
    writes_full_pages: bool
    has_checksums: bool
    buffers_bytes: int
    most_wal_bytes: int
    wal_compression: str
    has_lz4: bool
    most_connections: int
    connections: int
    is_superuser: bool
    port: int
    name: str
    collation: str
    collation_version: str | None
    collation_actual: str | None
    size_bytes: int
    oldest_transaction_seconds: float
    clock_ahead_seconds: float


def read(engine: Engine) -> ServerFacts:
    """The facts; DatabaseUnavailable where the server can't be asked."""
    with transaction(engine) as connection:
        before = datetime.now(UTC)
        row = connection.execute(text(FACTS)).one()._asdict()
        after = datetime.now(UTC)
    # Only what lies outside of the question's own time is a difference.
    clock = row.pop("clock")
    ahead = max((clock - after).total_seconds(), 0) or min((clock - before).total_seconds(), 0)
    return ServerFacts(**row, clock_ahead_seconds=ahead)
