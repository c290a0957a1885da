"""The listening sockets as files and ports: modes, replacement without a gap, what systemd says of them."""

import grp
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mda.errors import SettingsError
from mda.servers.listeners import Origin, open_listeners
from mda.servers.notify import notify
from mda.settings import Lmtp, ServiceManager, Settings, service_manager


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: a socket's path has 108 octets."""
    with tempfile.TemporaryDirectory(prefix="mda") as made:
        yield Path(made)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_mode_and_group(folder: Path) -> None:
    group = grp.getgrgid(os.getegid()).gr_name
    made = Settings(data_dir=str(folder), lmtp=Lmtp(socket_mode="0620", socket_group=group))
    (listener,) = open_listeners(made)
    found = made.lmtp_socket.stat()
    assert (found.st_mode & 0o777, found.st_gid) == (0o620, os.getegid())
    assert names(folder) == ["lmtp.sock"]
    listener.retire()
    assert names(folder) == []


def test_new_socket_replaces_an_old_one_whose_backlog_lives_on(folder: Path) -> None:
    made = Settings(data_dir=str(folder))
    (old,) = open_listeners(made)
    with socket.socket(socket.AF_UNIX) as early, socket.socket(socket.AF_UNIX) as late:
        early.connect(old.place)
        (new,) = open_listeners(made)
        assert not old.is_in_place()
        assert new.is_in_place()
        late.connect(new.place)
        for listener in (old, new):
            listener.socket.settimeout(5)
            listener.socket.accept()[0].close()
        old.retire()
        assert new.is_in_place()
    new.retire()


def test_what_fits_is_kept_and_what_fails_leaves_nothing(folder: Path) -> None:
    made = Settings(data_dir=str(folder), lmtp=Lmtp(tcp="127.0.0.1:0"))
    first = open_listeners(made)
    assert [one.origin for one in first] == [Origin.UNIX, Origin.TCP]
    assert open_listeners(made, first) == first
    wrong = Settings(data_dir=str(folder), lmtp=Lmtp(socket="b.sock", tcp="10.0.0.1:24"))
    with pytest.raises(SettingsError, match="not a loopback address"):
        open_listeners(wrong, first)
    assert names(folder) == ["lmtp.sock"]
    for one in first:
        one.retire()


def test_port_beyond_the_last_is_refused(folder: Path) -> None:
    for place in ("127.0.0.1:65536", "127.0.0.1:-1"):
        with pytest.raises(SettingsError, match="there is no port"):
            open_listeners(Settings(data_dir=str(folder), lmtp=Lmtp(tcp=place)))


def test_service_manager() -> None:
    ours = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "NOTIFY_SOCKET": "@x"}
    assert service_manager(ours) == ServiceManager(2, "@x")
    assert service_manager({**ours, "LISTEN_PID": "1"}) == ServiceManager(0, "@x")
    assert service_manager({**ours, "LISTEN_FDS": "x"}) == ServiceManager(0, "@x")
    assert service_manager({}) == ServiceManager()


def test_notify(folder: Path) -> None:
    abstract = f"@mda-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearer:
        hearer.bind("\0" + abstract[1:])
        hearer.settimeout(5)
        notify(abstract, "RELOADING=1", "MONOTONIC_USEC=1")
        assert hearer.recv(100) == b"RELOADING=1\nMONOTONIC_USEC=1"
    notify(str(folder / "nobody"), "READY=1")
    notify("", "READY=1")
