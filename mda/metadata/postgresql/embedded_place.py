"""Where an embedded server keeps what, and what its files say of it: no program is run.

Apart from `embedded_server`, as every command needs it and a listing is done sooner than its imports.
"""

import socket
import stat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from mda.errors import SettingsError
from mda.metadata.postgresql.server_user import ServerUser

ROLE = DATABASE = "mda"
CLUSTER = "pg"
SERVER_LOG = "server.log"
PORT = 5432
"""Part of the socket's name only."""


class Place(NamedTuple):
    """Where one embedded server keeps what."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        return self.data_dir / CLUSTER

    @property
    def gate(self) -> Path:
        """Locked exclusively while the server is started or stopped."""
        return self.data_dir / "pg.gate"

    @property
    def users(self) -> Path:
        """Locked shared by each user for as long as it uses the server."""
        return self.data_dir / "pg.users"


def is_running(place: Place) -> bool:
    """Whether it takes connections. Its process id alone says little: a killed postmaster is a zombie for a while,
    and its id may be another's by now."""
    if not pid_line(place, 7).startswith("ready"):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(Path(pid_line(place, 4)) / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True


def is_under_way(place: Place) -> bool:
    """Whether it is about to run, or to end. The file of one that was killed may name a process that has nothing to do
    with it: that one's folder is another."""
    if not pid_line(place, 7).startswith(("starting", "stopping")):
        return False
    process = Path("/proc", pid_line(place, 0))
    try:
        return (process / "cwd").samefile(place.cluster)
    except PermissionError:  # root without CAP_SYS_PTRACE, as in containers
        return _is_postgres_of(process, place)
    except OSError:
        return False


def _is_postgres_of(process: Path, place: Place) -> bool:
    """As far as everybody may know."""
    try:
        is_postgres = (process / "comm").read_text(errors="replace") == "postgres\n"
        return is_postgres and process.stat().st_uid == owner_of(place)
    except OSError:
        return False


def note_if_under_way(place: Place) -> None:
    """Tells, before it is waited for: nothing else is heard of us meanwhile."""
    if is_under_way(place):
        from mda.logs import logger  # noqa: PLC0415 - who waits has time for the import

        log = place.cluster / SERVER_LOG
        logger("metadata").warning("waiting_for_database", state=pid_line(place, 7), log=str(log))


def require_private(folder: Path, user: ServerUser) -> None:
    """Anybody can make folders in the temporary one, and a link or foreign folder there would lead us astray."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
        raise SettingsError(
            f"{folder}, for the embedded PostgreSQL's socket, is not a folder of {user.name} alone", "remove it"
        )


def socket_in_use(place: Place, user: ServerUser) -> Path:
    """Where the running server listens: whoever started it may have had another temporary folder."""
    folder = Path(pid_line(place, 4))
    require_private(folder, user)
    return folder


def pid_line(place: Place, number: int) -> str:
    """A line of postmaster.pid: 0 process id ... 4 socket folder ... 7 status."""
    try:
        lines = (place.cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[number].strip() if len(lines) > number else ""


def owner_of(place: Place) -> int | None:
    try:
        return place.cluster.stat().st_uid
    except FileNotFoundError:
        return None


def url_of(folder: Path) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(folder), safe='')}&port={PORT}"


def cluster_major(cluster: Path) -> int | None:
    """The major version that made the cluster; None where there is no cluster."""
    try:
        return int((cluster / "PG_VERSION").read_text().strip())
    except FileNotFoundError:
        return None
