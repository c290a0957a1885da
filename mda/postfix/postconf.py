"""Asks postconf(1) and postmap(1) of the machine's Postfix.

Offers `read`, `is_installed` and `Tables`. All of it works without a running Postfix and changes nothing. NotFound
where there is no Postfix; SettingsError with postconf's own words where it can't read the configuration.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mda.errors import NotFound, SettingsError
from mda.postfix.configuration import Configuration, Service

PROGRAM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where it is for a user whose search path has no folders of the administrator."""

SECONDS = 30
DUMPED = frozenset({"texthash", "hash", "btree", "cdb", "lmdb", "dbm"})
"""Kinds of tables that `postmap -s` can list."""


def is_installed() -> bool:
    """Whether this machine has a Postfix."""
    return _program("postconf") is not None


def read(folder: Path | None = None) -> Configuration:
    """The configuration in `folder` (main.cf and master.cf), else the machine's own."""
    place = ("-c", str(folder)) if folder is not None else ()
    parameters = dict(_assignment(line) for line in _ask("postconf", *place, "-x"))
    # One line a service, and the overrides again one by one: a value may hold blanks, which -M does not quote.
    overrides: dict[tuple[str, str], dict[str, str]] = {}
    for line in _ask("postconf", *place, "-P", "-x"):
        name, value = _assignment(line)
        service, kind, parameter = name.split("/", 2)
        overrides.setdefault((service, kind), {})[parameter] = value
    services = tuple(_service(line.split(), overrides) for line in _ask("postconf", *place, "-M"))
    named = str(folder) if folder is not None else parameters.get("config_directory", "/etc/postfix")
    return Configuration(named, parameters, services)


class Tables:
    """Postfix's lookup tables, asked as Postfix asks them."""

    def __init__(self, configuration: Configuration) -> None:
        self._place = ("-c", configuration.folder)

    def holds(self, table: str, key: str) -> bool:
        """Whether `table` (`hash:/etc/postfix/domains`) has `key`; SettingsError where it can't be asked."""
        done = _run("postmap", *self._place, "-q", key, table)
        if done.returncode != 0 and done.stderr.strip():
            raise SettingsError(done.stderr.strip(), f"run it by itself: postmap -q {key} {table}")
        return done.returncode == 0

    def values(self, table: str) -> tuple[str, ...]:
        """All values of a table; empty for a kind that can't be listed (SQL, patterns). SettingsError as above."""
        if table.partition(":")[0] not in DUMPED:
            return ()
        lines = _ask("postmap", *self._place, "-s", table)
        return tuple(line.split("\t", 1)[1] for line in lines if "\t" in line)


def _service(words: Sequence[str], overrides: dict[tuple[str, str], dict[str, str]]) -> Service:
    name, kind, _private, _unprivileged, chroot, _wakeup, maxproc, command, *rest = words
    arguments: list[str] = []
    is_argv = False
    pending = iter(rest)
    for word in pending:
        is_argv = is_argv or word.startswith("argv=")
        if word != "-o" or is_argv:
            arguments.append(word)
        elif next(pending, "") == "{":  # -o { name = value with blanks }
            for _ in iter(lambda: next(pending, "}"), "}"):
                pass
    return Service(name, kind, chroot, maxproc, command, tuple(arguments), overrides.get((name, kind), {}))


def _assignment(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip()


def _ask(name: str, *arguments: str) -> list[str]:
    done = _run(name, *arguments)
    if done.returncode != 0:
        raise SettingsError(f"{name} failed: {done.stderr.strip()}", f"run it by itself: {name} {' '.join(arguments)}")
    return done.stdout.splitlines()


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = _program(name)
    if program is None:
        raise NotFound(f"there is no {name} on this machine", "install Postfix")
    try:
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SettingsError(f"{name} gave no answer in {SECONDS} s", "does a lookup table hang?") from error


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(PROGRAM_FOLDERS))
