"""Workers with workers.unix_sockets_only deliver mail, and can't reach the network whatever code runs in them."""

import os
import signal
import smtplib
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.instance import Instance

HOSTILE = """
import os, signal, socket, sys

def reach(*_):
    try:
        socket.create_connection(("127.0.0.1", {port}), timeout=5).close()
        said = "connected"
    except OSError as error:
        said = error.strerror
    with open("{folder}/said." + str(os.getpid()), "w") as file:
        file.write(said + "\\n")

if "mda.servers.worker" in sys.orig_argv:
    signal.signal(signal.SIGUSR1, reach)
"""
"""What an attacker's code in a worker would do; runs inside it, on a signal."""

MESSAGE = "Subject: x\r\n\r\nHello\r\n"


@pytest.fixture
def target() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def attempts(instance: Instance) -> dict[int, str]:
    """What each worker's attempt to connect ended with."""
    found: dict[int, str] = {}
    for pid in instance.workers():
        os.kill(pid, signal.SIGUSR1)
        file = instance.folder / f"said.{pid}"
        deadline = time.monotonic() + 20
        while not (file.exists() and file.read_text().endswith("\n")):
            assert time.monotonic() < deadline, "the worker did not try"
            time.sleep(0.05)
        found[pid] = file.read_text().strip()
    return found


@pytest.mark.parametrize("is_confined", [True, False])
def test_a_worker_delivers_and_reaches_no_network(
    is_confined: bool, database_url: str, target: socket.socket, port: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="mda") as folder:
        setting = f'unix_sockets_only = {str(is_confined).lower()}\n[lmtp]\ntcp = "127.0.0.1:{port}"\n'
        instance = Instance(Path(folder), database_url, setting, {"PYTHONPATH": folder})
        (Path(folder) / "sitecustomize.py").write_text(HOSTILE.format(port=target.getsockname()[1], folder=folder))
        instance.prepare("example.org", ["anne"])
        instance.start()
        try:
            wanted = os.strerror(97) if is_confined else "connected"  # EAFNOSUPPORT
            assert set(attempts(instance).values()) == {wanted}
            with smtplib.LMTP(str(instance.socket)) as session:
                assert session.sendmail("a@example.net", ["anne@example.org"], MESSAGE) == {}
            with smtplib.LMTP("127.0.0.1", port) as session:  # a TCP listener is the supervisor's
                assert session.sendmail("a@example.net", ["anne@example.org"], MESSAGE) == {}
            assert instance.listing("account", "list")[0]["used_messages"] == 2
        finally:
            instance.close()
