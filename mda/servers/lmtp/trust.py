"""Which peers are believed: Unix peers by the user id that the kernel names (SO_PEERCRED), TCP peers never."""

import os
import pwd
import socket
import struct
from collections.abc import Iterable

_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid; see unix(7)."""


def trusted_uids(names: Iterable[str]) -> frozenset[int]:
    """The user ids of those names that exist here, our own, and root."""
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return frozenset({0, os.geteuid(), *(known[name] for name in names if name in known)})


def is_trusted(connection: socket.socket, uids: frozenset[int]) -> bool:
    if connection.family != socket.AF_UNIX:
        return False
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return uid in uids
