"""The supervisor and its workers as real processes: drain, reload, crash, take-over, socket activation."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.unit.servers.house import PATIENCE_SECONDS, House, wait_for
from tests.unit.servers.recording import messages

SENDER, RECIPIENT = "a@b.example", "u@d.example"


def begin(client: smtplib.LMTP, recipient: str = RECIPIENT) -> None:
    """Opens a transaction up to the message."""
    client.ehlo()
    assert client.mail(SENDER)[0] == 250
    assert client.rcpt(recipient)[0] == 250
    client.putcmd("DATA")
    assert client.getreply()[0] == 354


def end(client: smtplib.LMTP, raw: bytes = b"x: y\r\n\r\nbody\r\n") -> int:
    client.send(raw + b".\r\n")
    return client.getreply()[0]


def deliver(house: House, raw: bytes = b"x: y\r\n\r\nbody\r\n") -> int:
    client = house.client()
    begin(client)
    code = end(client, raw)
    client.quit()
    return code


def test_sigterm_lets_an_open_transaction_finish(house: House) -> None:
    supervisor = house.start()
    idle, idle_fresh, busy = house.client(), house.connect(), house.client()
    begin(idle)
    assert end(idle) == 250
    begin(busy)
    supervisor.terminate()
    assert idle.getreply() == (421, b"4.3.2 shutting down, connect again")
    assert not house.settings.lmtp_socket.exists()
    with pytest.raises(subprocess.TimeoutExpired):
        supervisor.wait(0.3)
    assert end(busy) == 250
    assert busy.getreply()[0] == 421
    idle_fresh.close()
    assert supervisor.wait(PATIENCE_SECONDS) == 0
    assert house.workers() == ()
    assert len(messages(house.mail)) == 2


def test_sigterm_cuts_what_outlasts_the_drain(house: House) -> None:
    house.configure(workers="count = 1\ndrain_seconds = 1")
    supervisor = house.start()
    busy = house.client()
    begin(busy)
    begun = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - begun > 0.8
    assert house.count("sessions_cut=1") == 1
    assert messages(house.mail) == ()


def test_sighup_takes_good_settings_and_keeps_open_transactions(house: House) -> None:
    supervisor = house.start()
    busy = house.client()
    begin(busy)
    before = house.workers()
    house.configure(lmtp="message_bytes = 1000", workers="count = 1")
    supervisor.send_signal(signal.SIGHUP)
    wait_for(lambda: house.count("event=ready") == 2, "reload")
    after = set(house.workers()) - set(before)
    assert len(after) == 1
    client = house.client()
    assert b"SIZE 1000" in client.docmd("LHLO x")[1]
    client.close()
    assert end(busy) == 250
    busy.close()
    wait_for(lambda: set(house.workers()) == after, "end of the old workers")
    assert supervisor.poll() is None


def test_sighup_refuses_bad_settings(house: House) -> None:
    supervisor = house.start()
    before = house.workers()
    for lmtp, error in (
        ("mesage_bytes = 1", "did you mean lmtp.message_bytes?"),
        ('tcp = "192.0.2.1:24"', "192.0.2.1 is not a loopback address"),
    ):
        house.configure(lmtp=lmtp)
        supervisor.send_signal(signal.SIGHUP)
        wait_for(lambda error=error: house.count(error) == 1, error)  # type: ignore[misc]
    assert house.count('event="settings refused, the old ones stay"') == 2
    assert house.workers() == before
    assert deliver(house) == 250


def test_sighup_refused_half_way_leaves_sockets_and_monitor(house: House) -> None:
    supervisor = house.start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house.configure(lmtp=f'socket_mode = "0600"\ntcp = "127.0.0.1:{port}"\n[monitor]\nsocket = "elsewhere.sock"')
        supervisor.send_signal(signal.SIGHUP)
        wait_for(lambda: house.count("settings refused, the old ones stay") == 1, "refusal")
    assert deliver(house) == 250
    assert (house.folder / "monitor.sock").exists()
    assert not (house.folder / "elsewhere.sock").exists()


def test_sighup_moves_the_socket(house: House) -> None:
    supervisor = house.start()
    old = house.settings.lmtp_socket
    house.configure(lmtp='socket = "other.sock"\nsocket_mode = "0600"')
    supervisor.send_signal(signal.SIGHUP)
    wait_for(lambda: not old.exists(), "removal of the old socket")
    assert house.settings.lmtp_socket.stat().st_mode & 0o777 == 0o600
    assert deliver(house) == 250


def test_killed_worker_is_replaced_at_once(house: House) -> None:
    house.configure(workers="count = 1")
    house.start()
    client = house.connect()
    assert client.recv(100).startswith(b"220 ")
    (victim,) = house.workers()
    os.kill(victim, signal.SIGKILL)
    assert client.recv(100) == b""
    assert deliver(house) == 250
    assert house.count('event="worker died"') == 1
    (fresh,) = house.workers()
    assert fresh != victim


def test_worker_whose_thread_died_is_replaced(house: House) -> None:
    """It can't go on without its lane: what it has in hand is for the peer to bring again."""
    house.configure(workers="count = 1")
    house.start()
    client = house.client()
    begin(client, "deadly@d.example")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        end(client)
    assert deliver(house) == 250
    assert house.count("thread died") == 1
    assert "NotADirectoryError" in house.read_log()


def test_worker_that_dies_at_its_start_is_started_ever_more_slowly(house: House) -> None:
    house.configure(workers="count = 1")
    house.mail.write_text("in the way of the folder: composing fails")
    process = house.begin()
    wait_for(lambda: house.count('event="worker started"') == 5, "starts")
    assert "FileExistsError" in house.read_log()
    died = [at for at, event in house.events() if event == "worker died"]
    started = [at for at, event in house.events() if event == "worker started"]
    pauses = [start - death for death, start in zip(died, started[1:], strict=False)]
    assert [pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4, 0.8), strict=True)] == [True] * 4
    house.mail.unlink()
    assert deliver(house) == 250
    assert process.poll() is None


def test_killed_supervisor_is_taken_over_without_a_refused_connection(house: House) -> None:
    supervisor = house.start()
    outcomes: list[int | str] = []
    is_over = threading.Event()

    def load() -> None:
        while not is_over.is_set():
            try:
                outcomes.append(deliver(house))
            except (OSError, smtplib.SMTPException) as error:
                outcomes.append(repr(error))

    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    orphans = set(house.workers())
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: house.count("supervisor is gone, serving on") == 2, "notice of the death")
    served = len(outcomes)
    wait_for(lambda: len(outcomes) > served + 20, "service by orphans")
    house.start()
    wait_for(lambda: not orphans & set(house.workers()), "end of the orphans")
    served = len(outcomes)
    wait_for(lambda: len(outcomes) > served + 20, "service by the new workers")
    is_over.set()
    for client in clients:
        client.join()
    assert set(outcomes) == {250}
    assert len(messages(house.mail)) == len(outcomes)
    assert house.count("a new supervisor serves") == 2


def test_second_supervisor_is_refused(house: House) -> None:
    first = house.start()
    second = house.begin()
    assert second.wait(PATIENCE_SECONDS) == 78
    assert f"runs on {house.folder} already (pid {first.pid}); stop it first: kill {first.pid}" in house.read_log()
    assert deliver(house) == 250


def test_tcp_port_and_its_take_over(house: House) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    house.configure(lmtp=f'tcp = "127.0.0.1:{port}"', workers="count = 1")
    supervisor = house.start()
    client = smtplib.LMTP("127.0.0.1", port, "client.example")
    assert b"XFORWARD" not in client.docmd("LHLO x")[1]
    begin(client)
    supervisor.kill()
    supervisor.wait()
    house.start()
    assert end(client) == 250
    assert smtplib.LMTP("127.0.0.1", port, "client.example").noop()[0] == 250


def test_socket_activation_and_notification(house: House) -> None:
    """As systemd does it: a socket from descriptor 3 on, LISTEN_PID the served process, NOTIFY_SOCKET for its state."""
    state = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    state.bind(str(house.folder / "notify"))
    state.settimeout(PATIENCE_SECONDS)
    activated = socket.socket(socket.AF_UNIX)
    activated.bind(str(house.settings.lmtp_socket))
    activated.listen()
    early = house.connect()
    become = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3)\n"
        f"os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', NOTIFY_SOCKET='{house.folder}/notify')\n"
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    prefix = (sys.executable, "-c", become, str(activated.fileno()))
    supervisor = house.start(prefix=prefix, pass_fds=(activated.fileno(),))
    assert state.recv(100) == b"READY=1"
    assert early.recv(100).startswith(b"220 ")
    early.close()
    assert deliver(house) == 250
    supervisor.send_signal(signal.SIGHUP)
    assert state.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert state.recv(100) == b"READY=1"
    supervisor.terminate()
    assert state.recv(100) == b"STOPPING=1"
    assert supervisor.wait(PATIENCE_SECONDS) == 0
    # What arrives between two supervisors waits in the socket that systemd holds.
    late = house.connect()
    house.start(prefix=prefix, pass_fds=(activated.fileno(),))
    assert late.recv(100).startswith(b"220 ")


def test_settings_that_can_not_be_served(house: House) -> None:
    for lmtp, error in (
        ('socket_group = "no such group"', "there is no group"),
        ('socket = "' + 100 * "s" + '"', "longer than 107 octets"),
        ('socket = "mda.toml"', "is in the way: it is no socket"),
        ('tcp = "24"', "is not an address and a port"),
        ('socket = ""', "no listening socket"),
    ):
        house.configure(lmtp=lmtp)
        assert house.begin().wait(PATIENCE_SECONDS) == 78
        assert error in house.read_log()
