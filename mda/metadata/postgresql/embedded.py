"""The embedded PostgreSQL: a server of our own below the data folder, for `database.url = "embedded"`.

    with embedded.running(Path("/var/lib/mda")) as url:
        ...

The first user makes and starts it, further ones (any process of the machine) share it, and the last to leave stops
it. Each user holds a shared lock on one file; starting and stopping happen under an exclusive lock on another, so
the kernel forgets a killed user by itself, and a server whose users were all killed is adopted by the next. A
process that forks after entering must outlive its children, or leave the server to them.

No TCP: a Unix socket in a folder that only the server's user (and root) can enter. Not for a data folder on a file
system shared between machines: flock need not reach that far.
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mda.errors import DatabaseUnavailable, SettingsError
from mda.metadata.postgresql.postgresql_binaries import Binaries, choose_binaries, cluster_major
from mda.metadata.postgresql.server_user import ServerUser, choose_user

ROLE = DATABASE = "mda"
CLUSTER = "pg"
PORT = 5432
"""Part of the socket's name only."""

START_SECONDS = 60
"""After a kill -9 of the postmaster, its orphans hold the shared memory for some seconds and starts fail."""

RETRY_SECONDS = 0.25
SOCKET_PATH_BYTES = 107
"""sun_path holds 108 with the NUL."""

LOG_BYTES = 10_000_000

INITDB = (
    *("-U", ROLE, "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"),
    *("--auth-local=trust", "--auth-host=scram-sha-256"),
)

CONFIGURATION = """\
# Written at each start.
listen_addresses = ''
port = {port}
unix_socket_directories = {socket_folder}
unix_socket_permissions = 0700
jit = off                 # our statements are short
log_checkpoints = off
timezone = 'UTC'
"""


@dataclass(frozen=True, slots=True)
class _Place:
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


@contextmanager
def running(data_dir: Path, embedded_user: str = "") -> Iterator[str]:
    """The URL of the running server's database.

    SettingsError where there are no binaries, no fitting user or no way into `data_dir`; DatabaseUnavailable with
    the end of the server's log where it does not start.
    """
    place = _Place(data_dir.resolve())
    user = choose_user(embedded_user)
    try:
        place.data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        users = os.open(place.users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}", "set data_dir to a folder of yours") from error
    try:
        with _gate(place):
            url = _ensure_running(place, user)
            fcntl.flock(users, fcntl.LOCK_SH)
        yield url
    finally:
        _leave(place, user, users)


def revive(data_dir: Path, embedded_user: str = "") -> bool:
    """Starts the server again where it has died under its users (the kernel took it for want of memory, say); whether
    that was needed. For those who are inside `running`; errors as there."""
    place = _Place(data_dir.resolve())
    if _is_running(place):
        return False
    with _gate(place):
        if _is_running(place):  # another user was faster
            return False
        _ensure_running(place, choose_user(embedded_user))
    return True


def is_made(data_dir: Path) -> bool:
    """Whether there is a cluster below `data_dir`, running or not."""
    return _Place(data_dir.resolve()).cluster.is_dir()


def _ensure_running(place: _Place, user: ServerUser) -> str:
    user.require_folder(place.data_dir)
    owner = _owner(place)
    if owner is not None and owner != user.uid:
        raise SettingsError(
            f"{place.cluster} belongs to user id {owner}, but the server would run as {user.name}",
            "run as that user, or (as root) name it in database.embedded_user",
        )
    if cluster_major(place.cluster) is not None and _is_running(place):
        # The common case of every command: to look for programs would take as long as its listing.
        return _url(_socket_in_use(place, user))
    binaries = choose_binaries(place.cluster, user, place.data_dir)
    if cluster_major(place.cluster) is None:
        _create(place, user, binaries)
    if not _is_running(place):
        _start(place, user, binaries)
    return _url(_socket_in_use(place, user))


def _create(place: _Place, user: ServerUser, binaries: Binaries) -> None:
    """Made aside and renamed, so that a crash in the middle leaves nothing that looks like a cluster."""
    building = place.data_dir / "pg.new"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    user.own(building)
    _checked(user, [binaries.program("initdb"), "-D", building, *INITDB], place)
    _checked(
        user,
        [binaries.program("postgres"), "--single", "-D", building, "postgres"],
        place,
        text_input=f"CREATE DATABASE {DATABASE};\n",
    )
    with (building / "postgresql.conf").open("a") as configuration:
        configuration.write("\ninclude 'mda.conf'\n")
    building.rename(place.cluster)


def _start(place: _Place, user: ServerUser, binaries: Binaries) -> None:
    configuration = place.cluster / "mda.conf"
    configuration.write_text(CONFIGURATION.format(port=PORT, socket_folder=_quoted(_socket_folder(place, user))))
    user.own(configuration)
    log = place.cluster / "server.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    deadline = time.monotonic() + START_SECONDS
    while not _is_running(place):  # who began to start it may have been killed: then our start fails, and it runs
        try:
            _control(place, user, binaries, "-l", f"{CLUSTER}/{log.name}", "start")
        except DatabaseUnavailable as error:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"the embedded PostgreSQL does not start: {_tail(log)}", f"see {log}"
                ) from error
            time.sleep(RETRY_SECONDS)


def _leave(place: _Place, user: ServerUser, users: int) -> None:
    """The exclusive lock is free only when no other user is left; who may come waits at the gate meanwhile."""
    with contextlib.closing(os.fdopen(users)), _gate(place):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(users, fcntl.LOCK_UN)  # also for copies of the descriptor in forked children
            return
        # What can't be stopped is left running: the next user adopts it.
        with contextlib.suppress(DatabaseUnavailable, SettingsError):
            binaries = choose_binaries(place.cluster, user, place.data_dir)
            if _is_running(place):
                _control(place, user, binaries, "-m", "fast", "stop")


def _is_running(place: _Place) -> bool:
    """Whether it takes connections. Its process id alone says little: a killed postmaster is a zombie for a while,
    and its id may be another's by now."""
    if not _pid_line(place, 7).startswith("ready"):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(Path(_pid_line(place, 4)) / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True


def _control(place: _Place, user: ServerUser, binaries: Binaries, *arguments: str | Path) -> None:
    # Relative to the data folder: pg_ctl hands paths to a shell and does not escape what they may hold.
    command: list[str | Path] = [binaries.program("pg_ctl"), "-w", "-s", "-t", str(START_SECONDS), "-D", CLUSTER]
    _checked(user, [*command, *arguments], place)


def _checked(user: ServerUser, command: list[str | Path], place: _Place, text_input: str = "") -> None:
    done = user.run(command, folder=place.data_dir, text_input=text_input)
    if done.returncode != 0:
        shown = shlex.join(str(part) for part in command)
        raise DatabaseUnavailable(f"{shown} failed: {(done.stderr or done.stdout).strip()}")


def _socket_folder(place: _Place, user: ServerUser) -> Path:
    """Below the data folder, or below the system's temporary one where the path would not fit in sun_path, or holds
    a comma, which separates hosts in a URL of libpq."""
    folder = place.data_dir / "pg.socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES or "," in str(folder):
        short = hashlib.sha256(os.fsencode(place.data_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"mda-pg-{user.uid}-{short}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        user.own(folder)
    _require_private(folder, user)
    return folder


def _require_private(folder: Path, user: ServerUser) -> None:
    """Anybody can make folders in the temporary one, and a link or foreign folder there would lead us astray."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
        raise SettingsError(
            f"{folder}, for the embedded PostgreSQL's socket, is not a folder of {user.name} alone", "remove it"
        )


def _socket_in_use(place: _Place, user: ServerUser) -> Path:
    """Where the running server listens: whoever started it may have had another temporary folder."""
    folder = Path(_pid_line(place, 4))
    _require_private(folder, user)
    return folder


def _pid_line(place: _Place, number: int) -> str:
    """A line of postmaster.pid: 0 process id ... 4 socket folder ... 7 status."""
    try:
        lines = (place.cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[number].strip() if len(lines) > number else ""


def _owner(place: _Place) -> int | None:
    try:
        return place.cluster.stat().st_uid
    except FileNotFoundError:
        return None


def _url(folder: Path) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(folder), safe='')}&port={PORT}"


def _quoted(folder: Path) -> str:
    """One element of a list of identifiers, inside a string of postgresql.conf."""
    element = str(folder).replace('"', '""').replace("\\", "\\\\").replace("'", "''")
    return f"'\"{element}\"'"


def _tail(log: Path) -> str:
    try:
        return " | ".join(log.read_text(errors="replace").splitlines()[-3:])
    except OSError:
        return "it left no log"


@contextmanager
def _gate(place: _Place) -> Iterator[None]:
    descriptor = os.open(place.gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
