"""What to do where a folder of ours can't be written: a line for root's shell, or a sentence where none can mend it."""

import errno
import os
import pwd
import shlex
from pathlib import Path


def remedy(folder: Path, trouble: OSError, owner: str = "") -> str:
    """By what the system says; `owner` is who is to write, this process's user by default."""
    quoted = shlex.quote(str(folder))
    match trouble.errno:
        case errno.EROFS:
            return f"mount -o remount,rw {shlex.quote(str(_mount_point(folder)))}"
        case errno.ENOENT:
            return f"mount the disk of {folder}; where there is none: mkdir -p {quoted}"
        case errno.EACCES | errno.EPERM:
            return f"chown -R {shlex.quote(owner or user_name(os.geteuid()))}: {quoted}"
        case errno.ENOSPC | errno.EDQUOT:
            return f"free space below {folder}, or enlarge its disk"
        case errno.ENOTDIR | errno.EEXIST:
            return f"name a folder: {folder} is below something that is none"
        case _:
            return f"look after the disk of {folder}: dmesg says what is wrong with it"


def user_name(uid: int) -> str:
    """As chown(1) takes it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _mount_point(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.is_mount())
