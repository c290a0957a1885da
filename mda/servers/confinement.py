"""A process that reads hostile bytes is kept off the network: the kernel itself refuses it any socket that is not of
Unix's family (seccomp(2)).

`confine` is for good: it holds for all threads, for what the process starts, and can't be undone. Sockets that are open
already stay, so a worker goes on taking connections from a TCP listener that it was given. io_uring, which makes
sockets without socket(2), and system calls of another architecture's numbering are refused too. What it does not keep
from: files, the Unix sockets that the process's user may open, and TCP sockets that the process has: one that listens
or was accepted can be taken off its peer, by connect(2) to AF_UNSPEC, and be connected elsewhere. A filter of system
calls does not see addresses, so who wants workers without any way to the network leaves lmtp.tcp empty.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
from dataclasses import dataclass

from mda.errors import SettingsError

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_ALL_THREADS = 1
_IO_URING_SETUP = 425
_FOREIGN_NUMBERS = 0x40000000
"""From here on x86-64's system calls are those of x32."""

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EAFNOSUPPORT
"""As systemd's RestrictAddressFamilies= answers."""

# linux/bpf_common.h, and offsets in linux/seccomp.h's seccomp_data.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16


@dataclass(frozen=True, slots=True)
class _Architecture:
    """Its name to the kernel (linux/audit.h), and two of its system calls' numbers."""

    audit: int
    socket: int
    seccomp: int


_ARCHITECTURES = {"x86_64": _Architecture(0xC000003E, 41, 317), "aarch64": _Architecture(0xC00000B7, 198, 277)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine() -> None:
    """Leaves this process only Unix sockets; SettingsError where the kernel can't do that."""
    found = _ARCHITECTURES.get(platform.machine())
    if found is None:
        raise _refused(f"not written for {platform.machine()}")
    filter_ = _filter(found)
    program = _Program(len(filter_) // 8, filter_)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _refused(os.strerror(ctypes.get_errno()))
    if libc.syscall(found.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)) != 0:
        raise _refused(os.strerror(ctypes.get_errno()))


def _filter(architecture: _Architecture) -> bytes:
    """Jumps are counted from the next instruction: first where the condition holds, then where it does not."""
    return b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, _ARCHITECTURE),
            (_IF_EQUAL, 0, 6, architecture.audit),
            (_LOAD, 0, 0, _NUMBER),
            (_IF_AT_LEAST, 4, 0, _FOREIGN_NUMBERS),
            (_IF_EQUAL, 3, 0, _IO_URING_SETUP),
            (_IF_EQUAL, 0, 3, architecture.socket),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_IF_EQUAL, 1, 0, socket.AF_UNIX),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        )
    )


def _refused(why: str) -> SettingsError:
    return SettingsError(f"workers.unix_sockets_only: no seccomp filter: {why}", "set it to false")
