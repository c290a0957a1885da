"""The embedded server made, started and stopped, by PostgreSQL's programs. Who calls holds the gate (`embedded`)."""

import contextlib
import hashlib
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path

from mda.errors import DatabaseUnavailable
from mda.metadata.postgresql import embedded_sizes
from mda.metadata.postgresql.embedded_place import (
    CLUSTER,
    DATABASE,
    PORT,
    ROLE,
    SERVER_LOG,
    Place,
    is_running,
    is_under_way,
    note_if_under_way,
    require_private,
)
from mda.metadata.postgresql.postgresql_binaries import Binaries
from mda.metadata.postgresql.server_user import ServerUser

START_SECONDS = 60
"""After a kill -9 of the postmaster, its orphans hold the shared memory for some seconds and starts fail. A replay of
its log is waited for without a limit."""

STOP_SECONDS = 300
"""Its buffers are written out before."""

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
max_wal_size = {wal}kB
checkpoint_timeout = 15min
"""

BUFFERS = "shared_buffers = {}kB\n"
"""Without it, as much as initdb could have."""

COMPRESSED = "wal_compression=lz4"
"""Of PostgreSQL's methods the one that costs less than it saves; not every build has it."""


def create(place: Place, user: ServerUser, binaries: Binaries) -> None:
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


def start(place: Place, user: ServerUser, binaries: Binaries) -> None:
    _configure(place, user, binaries)
    log = place.cluster / SERVER_LOG
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    deadline = time.monotonic() + START_SECONDS
    while not is_running(place):  # who began to start it may have been killed: then our start fails, and it runs
        try:
            _control(place, user, binaries, START_SECONDS, "-l", f"{CLUSTER}/{log.name}", "start")
        except DatabaseUnavailable as error:
            _wait_while_under_way(place)
            if time.monotonic() > deadline and not is_running(place):
                raise DatabaseUnavailable(
                    f"the embedded PostgreSQL does not start: {_tail(log)}", f"see {log}"
                ) from error
            time.sleep(RETRY_SECONDS)


def _wait_while_under_way(place: Place) -> None:
    """After a crash it replays its log, for as long as that takes. To give up would end it half-way where it goes with
    us (systemd ends all of a service), and the next start would begin anew, for ever."""
    note_if_under_way(place)
    while is_under_way(place):
        time.sleep(RETRY_SECONDS)


def stop(place: Place, user: ServerUser, binaries: Binaries) -> None:
    _control(place, user, binaries, STOP_SECONDS, "-m", "fast", "stop")


def _configure(place: Place, user: ServerUser, binaries: Binaries) -> None:
    """Anew at each start: machine and programs may be others than last time. What an admin says by ALTER SYSTEM goes
    before it."""
    configuration = place.cluster / "mda.conf"
    wal = embedded_sizes.wal(shutil.disk_usage(place.cluster).total)
    folder = _quoted(_socket_folder(place, user))
    text = CONFIGURATION.format(port=PORT, socket_folder=folder, wal=wal >> 10)
    if buffers := embedded_sizes.buffers(embedded_sizes.memory()):
        text += BUFFERS.format(buffers >> 10)
    configuration.write_text(text)
    user.own(configuration)
    if _can_compress(place, user, binaries):
        configuration.write_text(f"{text}{COMPRESSED}\n")


def _can_compress(place: Place, user: ServerUser, binaries: Binaries) -> bool:
    asked = (binaries.program("postgres"), "-D", CLUSTER, "-c", COMPRESSED, "-C", "wal_compression")
    return user.run(asked, folder=place.data_dir).returncode == 0


def _control(place: Place, user: ServerUser, binaries: Binaries, seconds: int, *arguments: str | Path) -> None:
    # Relative to the data folder: pg_ctl hands paths to a shell and does not escape what they may hold.
    command: list[str | Path] = [binaries.program("pg_ctl"), "-w", "-s", "-t", str(seconds), "-D", CLUSTER]
    _checked(user, [*command, *arguments], place)


def _checked(user: ServerUser, command: list[str | Path], place: Place, text_input: str = "") -> None:
    done = user.run(command, folder=place.data_dir, text_input=text_input)
    if done.returncode != 0:
        shown = shlex.join(str(part) for part in command)
        raise DatabaseUnavailable(f"{shown} failed: {(done.stderr or done.stdout).strip()}")


def _socket_folder(place: Place, user: ServerUser) -> Path:
    """Below the data folder, or below the system's temporary one where the path would not fit in sun_path, or holds
    a comma, which separates hosts in a URL of libpq."""
    folder = place.data_dir / "pg.socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES or "," in str(folder):
        short = hashlib.sha256(os.fsencode(place.data_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"mda-pg-{user.uid}-{short}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        user.own(folder)
    require_private(folder, user)
    return folder


def _quoted(folder: Path) -> str:
    """One element of a list of identifiers, inside a string of postgresql.conf."""
    element = str(folder).replace('"', '""').replace("\\", "\\\\").replace("'", "''")
    return f"'\"{element}\"'"


def _tail(log: Path) -> str:
    try:
        return " | ".join(log.read_text(errors="replace").splitlines()[-3:])
    except OSError:
        return "it left no log"
