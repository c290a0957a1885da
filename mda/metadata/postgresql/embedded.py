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
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mda.errors import DatabaseUnavailable, SettingsError
from mda.metadata.postgresql.embedded_place import (
    Place,
    cluster_major,
    is_running,
    note_if_under_way,
    owner_of,
    socket_in_use,
    url_of,
)
from mda.metadata.postgresql.server_user import ServerUser, choose_user


@contextmanager
def running(data_dir: Path, embedded_user: str = "") -> Iterator[str]:
    """The URL of the running server's database.

    SettingsError where there are no binaries, no fitting user or no way into `data_dir`; DatabaseUnavailable with
    the end of the server's log where it does not start.
    """
    place = Place(data_dir.resolve())
    user = choose_user(embedded_user)
    try:
        place.data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        users = os.open(place.users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}", _remedy(place, error)) from error
    try:
        with _gate(place):
            url = _ensure_running(place, user)
            fcntl.flock(users, fcntl.LOCK_SH)
        yield url
    finally:
        if is_running(place):
            _leave(place, user, users)
        else:  # also when it is under way: whoever started it holds the gate
            os.close(users)


def _remedy(place: Place, error: OSError) -> str:
    another = "set data_dir to a folder of yours"
    try:
        owner = place.data_dir.owner()
    except (OSError, KeyError):  # not there, or of nobody
        return another
    return f"run it as its owner: runuser -u {owner} -- mda; or {another}" if error.errno == errno.EACCES else another


def revive(data_dir: Path, embedded_user: str = "") -> bool:
    """Starts the server again where it has died under its users (the kernel took it for want of memory, say); whether
    that was needed. For those who are inside `running`; errors as there."""
    place = Place(data_dir.resolve())
    if is_running(place):
        return False
    with _gate(place):
        if is_running(place):  # another user was faster
            return False
        _ensure_running(place, choose_user(embedded_user))
    return True


def is_made(data_dir: Path) -> bool:
    """Whether there is a cluster below `data_dir`, running or not."""
    return Place(data_dir.resolve()).cluster.is_dir()


def require_made(data_dir: Path) -> None:
    """SettingsError where there is no cluster yet; it names one that may have been meant."""
    if is_made(data_dir):
        return
    near = beside(data_dir)
    meant = f"there is one in {near[0]}: correct data_dir; else " if near else ""
    raise SettingsError(
        f"there is no database in {data_dir}", f"{meant}run: mda init, or name your settings file with --config"
    )


def beside(data_dir: Path) -> tuple[Path, ...]:
    """Data folders in the same folder that have a cluster: what was meant by one that has none, perhaps."""
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted(data_dir.resolve().parent.iterdir()):
            with contextlib.suppress(OSError):  # not ours to look into
                if folder != data_dir.resolve() and cluster_major(Place(folder).cluster) is not None:
                    found.append(folder)
    return tuple(found)


def _ensure_running(place: Place, user: ServerUser) -> str:
    owner = owner_of(place)
    if owner is not None and owner != user.uid:
        raise SettingsError(
            f"{place.cluster} belongs to user id {owner}, but the server would run as {user.name}",
            "run as that user, or (as root) name it in database.embedded_user",
        )
    if cluster_major(place.cluster) is not None and is_running(place):
        # The common case of every command: to ask for rights and look for programs would take as long as its listing.
        return url_of(socket_in_use(place, user))
    from mda.metadata.postgresql.embedded_server import create, start  # noqa: PLC0415
    from mda.metadata.postgresql.postgresql_binaries import choose_binaries  # noqa: PLC0415

    user.require_folder(place.data_dir)
    binaries = choose_binaries(place.cluster, user, place.data_dir)
    if cluster_major(place.cluster) is None:
        create(place, user, binaries)
    if not is_running(place):
        start(place, user, binaries)
    return url_of(socket_in_use(place, user))


def _leave(place: Place, user: ServerUser, users: int) -> None:
    """The exclusive lock is free only when no other user is left; who may come waits at the gate meanwhile."""
    with contextlib.closing(os.fdopen(users)), _gate(place):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(users, fcntl.LOCK_UN)  # also for copies of the descriptor in forked children
            return
        # What can't be stopped is left running: the next user adopts it.
        from mda.metadata.postgresql.embedded_server import stop  # noqa: PLC0415
        from mda.metadata.postgresql.postgresql_binaries import choose_binaries  # noqa: PLC0415

        with contextlib.suppress(DatabaseUnavailable, SettingsError):
            binaries = choose_binaries(place.cluster, user, place.data_dir)
            if is_running(place):
                stop(place, user, binaries)


@contextmanager
def _gate(place: Place) -> Iterator[None]:
    descriptor = os.open(place.gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note_if_under_way(place)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
