"""The listening sockets: a Unix socket, a loopback TCP port, or what systemd passes.

A Unix socket is bound under a temporary name and renamed over its path, so that there is never a moment without a
socket there: a peer that is refused once holds back all mail to us for minutes. SettingsError when a socket can't be
made as the settings say.
"""

import errno
import grp
import ipaddress
import os
import socket
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mda.errors import SettingsError
from mda.settings import Lmtp, Settings

BACKLOG = 4096
"""Connections that may wait; the kernel cuts it to net.core.somaxconn. A full one refuses, so it is large."""

MAX_SOCKET_PATH = 107
"""Octets of sun_path without its NUL, unix(7)."""

TCP_BIND_SECONDS = 5.0
"""How long a port is waited for: workers of a supervisor that was killed let go of it within a second."""

MOST_PORT = 65535

FIRST_PASSED = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


class Origin(Enum):
    UNIX = "unix"
    TCP = "tcp"
    PASSED = "passed"
    """By systemd, which keeps it open over our restarts."""


@dataclass(frozen=True, slots=True)
class Listener:
    """`place` is the path or host:port; `terms` the rest of the settings that made it; `device` and `inode` those of
    a Unix socket's path."""

    socket: socket.socket
    origin: Origin
    place: str
    terms: tuple[str, ...] = ()
    device: int = 0
    inode: int = 0

    @property
    def wish(self) -> tuple[Origin, str, tuple[str, ...]]:
        return self.origin, self.place, self.terms

    def is_in_place(self) -> bool:
        """Whether the path still leads to this socket."""
        return is_in_place(self.place, self.device, self.inode)

    def retire(self) -> None:
        """Closes it; a Unix socket's path goes too, if it is still this one's."""
        if self.origin is Origin.UNIX and self.is_in_place():
            Path(self.place).unlink()
        self.socket.close()


def is_in_place(path: str, device: int, inode: int) -> bool:
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (device, inode)


def passed(count: int) -> tuple[Listener, ...]:
    """The sockets that systemd passed."""
    sockets = [socket.socket(fileno=FIRST_PASSED + number) for number in range(count)]
    for one in sockets:
        os.set_inheritable(one.fileno(), False)
    return tuple(Listener(one, Origin.PASSED, str(one.getsockname())) for one in sockets)


def open_listeners(settings: Settings, existing: Sequence[Listener] = ()) -> tuple[Listener, ...]:
    """Those that the settings ask for; an existing one that fits is kept as it is. Passed ones stand for all."""
    if existing and existing[0].origin is Origin.PASSED:
        return tuple(existing)
    lmtp = settings.lmtp
    wishes = [(Origin.UNIX, str(settings.lmtp_socket), (lmtp.socket_mode, lmtp.socket_group))] if lmtp.socket else []
    if lmtp.tcp:
        wishes.append((Origin.TCP, lmtp.tcp, ("", "")))
    if not wishes:
        raise SettingsError("no listening socket: lmtp.socket and lmtp.tcp are both empty", "set one of them")
    opened: list[Listener] = []
    try:
        # The Unix socket last: it takes the path of the existing one, which could not have it back.
        for wish in reversed(wishes):
            opened.insert(0, next((one for one in existing if one.wish == wish), None) or _open(settings, *wish[:2]))
    except SettingsError:
        for one in set(opened).difference(existing):
            one.retire()
        raise
    return tuple(opened)


def _open(settings: Settings, origin: Origin, place: str) -> Listener:
    try:
        return _open_tcp(place) if origin is Origin.TCP else _open_unix(settings.lmtp_socket, settings.lmtp)
    except OSError as error:
        raise SettingsError(f"can't listen on {place}: {error.strerror}") from error


def _open_unix(path: Path, lmtp: Lmtp) -> Listener:
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise SettingsError(f"socket path {path} is longer than {MAX_SOCKET_PATH} octets", "set a shorter lmtp.socket")
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise SettingsError(f"{path} is in the way: it is no socket", "remove it, or set another lmtp.socket")
    temporary = path.with_name(f".{os.getpid()}")
    temporary.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(temporary))
        _give_to_group(temporary, lmtp.socket_group)
        temporary.chmod(int(lmtp.socket_mode, 8))
        listener.listen(BACKLOG)
        found = temporary.stat()
        temporary.rename(path)
    except BaseException:
        listener.close()
        temporary.unlink(missing_ok=True)
        raise
    terms = (lmtp.socket_mode, lmtp.socket_group)
    return Listener(listener, Origin.UNIX, str(path), terms, found.st_dev, found.st_ino)


def _give_to_group(path: Path, group: str) -> None:
    if not group:
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except KeyError as error:
        raise SettingsError(f"lmtp.socket_group: there is no group {group!r}", f"addgroup {group}") from error


def _open_tcp(place: str) -> Listener:
    address, port = loopback("lmtp.tcp", place)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    deadline = time.monotonic() + TCP_BIND_SECONDS
    while True:
        try:
            listener = socket.create_server((str(address), port), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return Listener(listener, Origin.TCP, place, ("", ""))


def loopback(key: str, place: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """The address and port of a setting that may name a loopback address only."""
    host, _, port = place.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError as error:
        raise SettingsError(f"{key}: {place!r} is not an address and a port", "write them like 127.0.0.1:24") from error
    if not 0 <= number <= MOST_PORT:
        raise SettingsError(f"{key}: there is no port {number}", f"{MOST_PORT} is the last")
    if not address.is_loopback:
        # There is no authentication: whoever reaches LMTP's port can put mail into any mailbox.
        raise SettingsError(f"{key}: {host} is not a loopback address", "listen on 127.0.0.1 or ::1")
    return address, number
