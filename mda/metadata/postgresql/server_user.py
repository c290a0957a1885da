"""Who the embedded PostgreSQL runs as. PostgreSQL refuses root, so root lends it an unprivileged user.

Offers `ServerUser` (chosen by `choose_user`), which runs a program with that user's rights and a clean environment:
PGHOST, LD_PRELOAD and the like of the caller do not reach the server.
"""

import os
import pwd
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mda.errors import SettingsError

if TYPE_CHECKING:
    import subprocess

PREFERRED = ("mda", "postgres", "nobody")
"""Tried in this order when root starts the server and database.embedded_user is empty."""


class ServerUser(NamedTuple):
    """A user of this system. `is_lent` tells that we are root and that this is somebody else."""

    name: str
    uid: int
    gid: int
    is_lent: bool

    def run(
        self, arguments: Sequence[str | Path], *, folder: Path, text_input: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """The finished run of a program in `folder`, in a session of its own so that Ctrl-C does not reach it."""
        import subprocess  # noqa: PLC0415 - a listing runs no program and is done before this is imported

        return subprocess.run(
            [str(argument) for argument in arguments],
            input=text_input,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            env={"LC_ALL": "C", "PATH": os.defpath},
            start_new_session=True,
            user=self.uid if self.is_lent else None,
            group=self.gid if self.is_lent else None,
            extra_groups=() if self.is_lent else None,
        )

    def can_run(self, program: Path) -> bool:
        """Whether this user may execute `program`: every folder above it may be closed to it."""
        try:
            return self.run([program, "--version"], folder=Path("/")).returncode == 0
        except OSError:
            return False

    def require_folder(self, folder: Path) -> None:
        """SettingsError unless this user can enter `folder`."""
        # Asked of the user's own shell: subprocess changes the folder before it gives up root's rights.
        entered = self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder], folder=Path("/"))
        if entered.returncode != 0:
            raise SettingsError(
                f"user {self.name}, who runs the embedded PostgreSQL for root, can't enter {folder}",
                "set data_dir to a folder outside of closed ones like /root,"
                " or open them (chmod o+x), or name another user in database.embedded_user",
            )

    def own(self, path: Path) -> None:
        """Gives `path` to this user."""
        if self.is_lent:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_user(wanted: str = "") -> ServerUser:
    """Ourselves; for root the `wanted` user, else the first of PREFERRED that this system has."""
    if os.geteuid() != 0:
        return ServerUser(str(os.geteuid()), os.geteuid(), os.getegid(), is_lent=False)
    for name in (wanted,) if wanted else PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            raise SettingsError("database.embedded_user is root, whom PostgreSQL refuses", "name an unprivileged user")
        return ServerUser(name, entry.pw_uid, entry.pw_gid, is_lent=True)
    raise SettingsError(
        f"no user {wanted or ' or '.join(PREFERRED)} to run the embedded PostgreSQL for root",
        "make one (useradd --system mda) or name one in database.embedded_user",
    )
