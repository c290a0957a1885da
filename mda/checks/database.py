"""PostgreSQL: whether it can be served from, and what its settings will cost one day."""

from collections.abc import Iterator

from mda.checks.finding import Finding, error, ok, warning
from mda.errors import MdaError
from mda.metadata.postgresql.opened import Handle
from mda.metadata.postgresql.postgresql_binaries import MINIMUM
from mda.metadata.postgresql.server_facts import ServerFacts, read
from mda.metadata.schema import migrate
from mda.settings import Settings

MOST_CLOCK_DIFFERENCE_SECONDS = 5
LONG_TRANSACTION_SECONDS = 3600
CONNECTIONS_PER_WORKER = 9
"""Two lanes, the directory, its changes, the pool of the chores."""

SERVICE_STOPS = "mda serve refuses to start, and mail waits in Postfix's queue"


def check(handle: Handle, settings: Settings) -> Iterator[Finding]:
    """The server behind an open database."""
    try:
        facts = read(handle)
    except MdaError as trouble:
        yield error("database.reachable", trouble.message, "all mail is deferred (4.3.0)", trouble.remedy)
        return
    size = f"{facts.size_bytes / 1_000_000:.0f} MB"
    yield ok("database.server", f"PostgreSQL {facts.version}, {facts.encoding}, {facts.collation}, {size}")
    yield from _kind(facts)
    yield from _durability(facts)
    yield from _collation(facts)
    yield from _connections(facts, settings)
    yield from _time(facts)
    yield from _schema(handle)


def _kind(facts: ServerFacts) -> Iterator[Finding]:
    if facts.major < MINIMUM:
        yield error(
            "database.version",
            f"PostgreSQL is {facts.version}, and {MINIMUM} or newer is needed",
            SERVICE_STOPS,
            "pg_upgradecluster, or another database.url",
        )
    if facts.encoding != "UTF8":
        yield error(
            "database.encoding",
            f"the database's encoding is {facts.encoding}",
            SERVICE_STOPS,
            "createdb -E UTF8 -T template0 mda, and point database.url at it",
        )
    if facts.is_standby:
        yield error(
            "database.primary",
            "the database is a standby, which takes no mail",
            "all mail is deferred (4.3.0)",
            "point database.url at the primary, or: pg_ctl promote",
        )


def _durability(facts: ServerFacts) -> Iterator[Finding]:
    for name, is_on in (("fsync", facts.syncs), ("full_page_writes", facts.writes_full_pages)):
        if not is_on:
            yield error(
                f"database.{name}",
                f"PostgreSQL runs with {name} = off",
                f"a power cut loses mail that was accepted; {SERVICE_STOPS}",
                f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();",
            )
    if not facts.has_checksums:
        yield warning(
            "database.data_checksums",
            "the cluster was made without data checksums",
            "what a disk damages is read back as it is, without a word",
            "pg_checksums --enable -D DATA_DIRECTORY, with PostgreSQL stopped",
        )


def _collation(facts: ServerFacts) -> Iterator[Finding]:
    if facts.collation_version is not None and facts.collation_version != facts.collation_actual:
        yield warning(
            "database.collation",
            f"{facts.collation} was of version {facts.collation_version}, and the system now has"
            f" {facts.collation_actual}",
            'indexes of other programs in this database may be out of order (ours are COLLATE "C")',
            "REINDEX DATABASE CONCURRENTLY; ALTER DATABASE mda REFRESH COLLATION VERSION;",
        )


def _connections(facts: ServerFacts, settings: Settings) -> Iterator[Finding]:
    needed = settings.worker_count * CONNECTIONS_PER_WORKER
    if facts.most_connections < needed + 10:
        yield warning(
            "database.max_connections",
            f"max_connections is {facts.most_connections}; {settings.worker_count} workers may take {needed}",
            "under load mail is deferred (4.3.0), and admins can't connect",
            f"ALTER SYSTEM SET max_connections = {needed + 50};  -- then restart PostgreSQL",
        )
    elif facts.connections > facts.most_connections * 0.9:
        yield warning(
            "database.connections",
            f"{facts.connections} of {facts.most_connections} connections are taken",
            "the next may be refused, and mail deferred (4.3.0)",
            "SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1 ORDER BY 2 DESC;",
        )


def _time(facts: ServerFacts) -> Iterator[Finding]:
    if abs(facts.clock_ahead_seconds) > MOST_CLOCK_DIFFERENCE_SECONDS:
        where = "ahead of" if facts.clock_ahead_seconds > 0 else "behind"
        yield warning(
            "database.clock",
            f"PostgreSQL's clock is {abs(facts.clock_ahead_seconds):.0f} s {where} this machine's",
            "times of messages and of receipts do not agree",
            "timedatectl set-ntp true, on both machines",
        )
    if facts.oldest_transaction_seconds > LONG_TRANSACTION_SECONDS:
        yield warning(
            "database.long_transaction",
            f"a transaction has been open for {facts.oldest_transaction_seconds / 3600:.0f} h",
            "dead rows can't be removed meanwhile, and tables grow",
            "SELECT pid, application_name, xact_start, query FROM pg_stat_activity ORDER BY xact_start LIMIT 5;",
        )


def _schema(handle: Handle) -> Iterator[Finding]:
    try:
        found = migrate.fitness(handle)
    except MdaError as trouble:
        yield error("database.schema", trouble.message, SERVICE_STOPS, trouble.remedy)
        return
    is_later = found.revision is not None and found.revision > found.needed
    if found.is_current:
        yield ok("database.schema", f"schema is at {found.revision}, as this program needs it")
    elif found.is_served:
        yield warning(
            "database.schema",
            f"schema is at {found.revision}, and serves this program, of {found.needed}, still",
            "an upgrade is half done: a later schema will not serve it",
            "install the new version here too, then: systemctl restart mda",
        )
    else:
        yield error(
            "database.schema",
            f"schema is at {found.revision or 'none'}, and this program needs {found.needed}",
            SERVICE_STOPS,
            "install the version that goes with the schema, or a later one" if is_later else "mda db upgrade",
        )
