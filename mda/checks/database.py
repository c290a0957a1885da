"""PostgreSQL: whether it can be served from, and what its settings will cost one day."""

from collections.abc import Iterator

from mda.checks.database_remedies import Server
from mda.checks.finding import Finding, error, ok, warning
from mda.checks.site import RESTARTED, Site
from mda.errors import MdaError
from mda.metadata.postgresql.engine import EMBEDDED
from mda.metadata.postgresql.opened import Handle
from mda.metadata.postgresql.postgresql_binaries import MINIMUM
from mda.metadata.postgresql.server_facts import ServerFacts, read
from mda.metadata.schema import migrate
from mda.settings import Settings

MOST_CLOCK_DIFFERENCE_SECONDS = 5
LONG_TRANSACTION_SECONDS = 3600
LARGE_BYTES = 4_000_000_000
"""A database that is more does not fit in what PostgreSQL takes of a machine unless it is told to."""

ENOUGH_BUFFERS_BYTES, ENOUGH_WAL_BYTES = 512 << 20, 2 << 30
CHEAP_COMPRESSIONS = ("lz4", "zstd")
CONNECTIONS_PER_WORKER = 9
"""Two lanes, the directory, its changes, the pool of the chores."""

ENDED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND xact_start < now() - interval '{seconds} seconds' AND pid <> pg_backend_pid()"
)
"""What such a transaction has done is rolled back."""

SERVICE_STOPS = "mda serve refuses to start, and mail waits in Postfix's queue"


def check(handle: Handle, settings: Settings, site: Site) -> Iterator[Finding]:
    """The server behind an open database."""
    try:
        facts = read(handle)
    except MdaError as trouble:
        yield error("database.reachable", trouble.message, "all mail is deferred (4.3.0)", trouble.remedy)
        return
    size = f"{facts.size_bytes / 1_000_000:.0f} MB"
    yield ok("database.server", f"PostgreSQL {facts.version}, {facts.encoding}, {facts.collation}, {size}")
    server = Server(facts, settings, site, handle)
    yield from _kind(facts, site)
    yield from _durability(facts, server)
    yield from _collation(facts, server)
    yield from _connections(facts, settings, server)
    if settings.database.url != EMBEDDED:  # which sees to it itself
        yield from _sizes(facts, server)
    yield from _time(facts, server)
    yield from _schema(handle, site)


def _kind(facts: ServerFacts, site: Site) -> Iterator[Finding]:
    another = site.mda("config", "set", "database.url")
    if facts.major < MINIMUM:
        yield error(
            "database.version",
            f"PostgreSQL is {facts.version}, and {MINIMUM} or newer is needed",
            SERVICE_STOPS,
            f"upgrade PostgreSQL (Debian: pg_upgradecluster), or name another server: {another} URL",
        )
    if facts.encoding != "UTF8":
        yield error(
            "database.encoding",
            f"the database's encoding is {facts.encoding}",
            SERVICE_STOPS,
            f"make another database (createdb -E UTF8 -T template0 NAME), and name it: {another} URL",
        )
    if facts.is_standby:
        yield error(
            "database.primary",
            "the database is a standby, which takes no mail",
            "all mail is deferred (4.3.0)",
            f"name the primary ({another} URL); where that is lost for good, make this one it: SELECT pg_promote()",
        )


def _durability(facts: ServerFacts, server: Server) -> Iterator[Finding]:
    for name, is_on in (("fsync", facts.syncs), ("full_page_writes", facts.writes_full_pages)):
        if not is_on:
            yield error(
                f"database.{name}",
                f"PostgreSQL runs with {name} = off",
                f"a power cut loses mail that was accepted; {SERVICE_STOPS}",
                server.set(name, "on"),
            )
    if not facts.has_checksums:
        yield warning(
            "database.data_checksums",
            "the cluster was made without data checksums",
            "what a disk damages is read back as it is, without a word",
            server.with_checksums(),
        )


def _collation(facts: ServerFacts, server: Server) -> Iterator[Finding]:
    if facts.collation_version is not None and facts.collation_version != facts.collation_actual:
        yield warning(
            "database.collation",
            f"{facts.collation} was of version {facts.collation_version}, and the system now has"
            f" {facts.collation_actual}",
            'indexes of other programs in this database may be out of order (ours are COLLATE "C")',
            server.run(
                f'REINDEX DATABASE CONCURRENTLY "{facts.name}"',
                f'ALTER DATABASE "{facts.name}" REFRESH COLLATION VERSION',
            ),
        )


def _connections(facts: ServerFacts, settings: Settings, server: Server) -> Iterator[Finding]:
    needed = settings.worker_count * CONNECTIONS_PER_WORKER
    more = server.set_at_start("max_connections", max(needed + 50, 2 * facts.connections))
    if facts.most_connections < needed + 10:
        yield warning(
            "database.max_connections",
            f"max_connections is {facts.most_connections}; {settings.worker_count} workers may take {needed}",
            "under load mail is deferred (4.3.0), and admins can't connect",
            more,
        )
    elif facts.connections > facts.most_connections * 0.9:
        yield warning(
            "database.connections",
            f"{facts.connections} of {facts.most_connections} connections are taken",
            "the next may be refused, and mail deferred (4.3.0)",
            more,
        )


def _sizes(facts: ServerFacts, server: Server) -> Iterator[Finding]:
    if facts.size_bytes < LARGE_BYTES:
        return
    if facts.buffers_bytes < ENOUGH_BUFFERS_BYTES:
        yield warning(
            "database.shared_buffers",
            f"shared_buffers is {facts.buffers_bytes >> 20} MB, and the database {facts.size_bytes / 1e9:.0f} GB",
            "a delivery writes other pages out before it finds room for its own",
            server.set_at_start("shared_buffers", "'1GB'"),
        )
    if facts.most_wal_bytes < ENOUGH_WAL_BYTES:
        yield warning(
            "database.max_wal_size",
            f"max_wal_size is {facts.most_wal_bytes >> 20} MB",
            "checkpoints come often, and after each one deliveries write whole pages to the WAL",
            server.set("max_wal_size", "'4GB'"),
        )
    if facts.has_lz4 and facts.wal_compression not in CHEAP_COMPRESSIONS:
        yield warning(
            "database.wal_compression",
            f"wal_compression is {facts.wal_compression}",
            "deliveries to many accounts write twice as much to the WAL, or take longer to make it smaller",
            server.set("wal_compression", "lz4"),
        )


def _time(facts: ServerFacts, server: Server) -> Iterator[Finding]:
    if abs(facts.clock_ahead_seconds) > MOST_CLOCK_DIFFERENCE_SECONDS:
        where = "ahead of" if facts.clock_ahead_seconds > 0 else "behind"
        yield warning(
            "database.clock",
            f"PostgreSQL's clock is {abs(facts.clock_ahead_seconds):.0f} s {where} this machine's",
            "times of messages and of receipts do not agree",
            "run on both machines: timedatectl set-ntp true",
        )
    if facts.oldest_transaction_seconds > LONG_TRANSACTION_SECONDS:
        yield warning(
            "database.long_transaction",
            f"a transaction has been open for {facts.oldest_transaction_seconds / 3600:.0f} h",
            "dead rows can't be removed meanwhile, and tables grow",
            server.run(ENDED.format(seconds=LONG_TRANSACTION_SECONDS)),
        )


def _schema(handle: Handle, site: Site) -> Iterator[Finding]:
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
            f"install the new version here too, then: {RESTARTED}",
        )
    else:
        yield error(
            "database.schema",
            f"schema is at {found.revision or 'none'}, and this program needs {found.needed}",
            SERVICE_STOPS,
            "install the version that goes with the schema, or a later one" if is_later else site.mda("db", "upgrade"),
        )
