"""What to do where a folder of ours can't be written, by what the system says."""

import errno
import pwd
from pathlib import Path

from mda.checks.site import quoted
from mda.settings import Settings

USER = "mda"


def writable(folder: Path, trouble: OSError, settings: Settings) -> str:
    """A line, or a sentence where no line can mend it."""
    if trouble.errno == errno.EROFS:
        return f"mount -o remount,rw {quoted(_mount_point(folder))}"
    if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"free space below {folder}, or enlarge its disk"
    if trouble.errno in (errno.EACCES, errno.EPERM):
        return f"chown -R {quoted(_owner(settings))}: {quoted(folder)}"
    if trouble.errno == errno.ENOENT:
        return f"mount the disk of {folder}, or make it: mkdir -p {quoted(folder)}"
    return f"look after the disk of {folder}: dmesg says what is wrong with it"


def _mount_point(folder: Path) -> Path:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return next(one for one in (there, *there.parents) if one.is_mount())


def _owner(settings: Settings) -> str:
    """The service's user: whom the data folder belongs to."""
    try:
        uid = Path(settings.data_dir).stat().st_uid
    except OSError:
        return USER
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
