"""Lines that change the PostgreSQL server that the database is on.

Where our own role may not, they are for the machine's postgres, or ask for that role's password.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from mda.checks.site import Site, quoted
from mda.metadata.postgresql.engine import EMBEDDED
from mda.metadata.postgresql.opened import Handle, host_of
from mda.metadata.postgresql.postgresql_binaries import program_for
from mda.metadata.postgresql.server_facts import ServerFacts
from mda.settings import Settings

RELOAD = "SELECT pg_reload_conf()"
LOCAL = ("localhost", "127.0.0.1", "::1")
OURS = "mda.socket mda mda-trainer"
"""Services that use the database: the embedded server stops with the last of them."""


@dataclass(frozen=True, slots=True)
class Server:
    """The server behind an open database."""

    facts: ServerFacts
    settings: Settings
    site: Site
    handle: Handle

    def run(self, *statements: str) -> str:
        """Each a transaction of its own: ALTER SYSTEM and REINDEX CONCURRENTLY ask for that."""
        asked = [word for one in statements for word in ("-c", one)]
        if self.facts.is_superuser:
            return self.site.mda("db", "psql", *asked)
        host = host_of(self.handle)
        place = ["-p", str(self.facts.port), "-d", self.facts.name]
        if host and not host.startswith("/"):
            return shlex.join(["psql", "-h", host, "-U", "postgres", *place, *asked])
        local = ["-h", host] if host else []
        return shlex.join(["runuser", "-u", "postgres", "--", "psql", *local, *place, *asked])

    def set(self, name: str, value: object) -> str:
        """A parameter that a reload brings."""
        return self.run(f"ALTER SYSTEM SET {name} = {value}", RELOAD)

    def set_at_start(self, name: str, value: object) -> str:
        """A parameter that the server reads when it starts."""
        line = self.run(f"ALTER SYSTEM SET {name} = {value}")
        if self.settings.database.url == EMBEDDED:
            return f"{line} && systemctl stop {OURS} && systemctl start {OURS}"
        host = host_of(self.handle)
        if host and not host.startswith("/") and host not in LOCAL:
            return f"run {line}, then restart PostgreSQL on {host}"
        return f"{line} && systemctl restart postgresql"

    def with_checksums(self) -> str:
        if self.settings.database.url != EMBEDDED:
            return "stop PostgreSQL, run pg_checksums --enable -D with its data_directory, and start it"
        cluster = Path(self.settings.data_dir) / "pg"
        owner = f'setpriv --reuid="$(stat -c %u {quoted(cluster)})" --clear-groups'  # pg_checksums refuses others
        program = shlex.quote(program_for(self.facts.major, "pg_checksums"))
        enable = f"{owner} {program} --enable -D {quoted(cluster)}"
        return f"systemctl stop {OURS} && {enable} && systemctl start {OURS}"
