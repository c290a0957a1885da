"""What the running supervisor tells its watchers: figures that Prometheus can read, health, and systemd's watchdog."""

import http.client
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.servers.house import House, wait_for

MAIL = "From: a@example.net\r\nSubject: x\r\n\r\nHello\r\n"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def ask(house: House, path: str, method: str = "GET") -> tuple[int, str]:
    connection = UnixConnection(str(house.settings.monitor_socket))
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def figures(house: House) -> dict[tuple[str, ...], float]:
    """By name and labels' values, as Prometheus' own parser reads them."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(ask(house, "/metrics")[1]):
        for sample in family.samples:
            found[sample.name, *(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_figures_are_summed_over_workers_and_outlive_them(house: House) -> None:
    house.start()
    for _ in range(20):
        with house.client() as client:
            client.sendmail("a@example.net", ["anne@example.org"], MAIL)
            with pytest.raises(Exception, match=r"5\.1\.1"):
                client.sendmail("a@example.net", ["unknown@example.org"], MAIL)
    before = figures(house)
    assert before["mda_recipients_total", ""] == 20
    assert before["mda_recipients_total", "unknown_recipient"] == 20
    assert before["mda_lmtp_connections_total",] >= 20
    assert before["mda_workers", "ready"] == 2
    wait_for(lambda: figures(house).get(("mda_resident_bytes",), 0) > 10_000_000, "heartbeat")
    os.kill(house.workers()[0], signal.SIGKILL)
    wait_for(lambda: figures(house)["mda_worker_deaths_total",] == 1, "death counted")
    wait_for(lambda: figures(house)["mda_workers", "ready"] == 2, "replacement")
    assert figures(house)["mda_recipients_total", ""] == 20


def test_readiness_follows_the_workers_and_liveness_does_not(house: House) -> None:
    house.start()
    assert ask(house, "/livez")[0] == 200
    assert ask(house, "/readyz")[0] == 200
    assert "ok workers: 2 ready" in ask(house, "/readyz")[1]
    with house.connect():
        for pid in house.workers():
            os.kill(pid, signal.SIGSTOP)
        house.configure(workers="count = 2\ndrain_seconds = 1")
    for pid in house.workers():
        os.kill(pid, signal.SIGKILL)
    # Until the supervisor has replaced them there is a moment without any; it may be too short to be seen.
    wait_for(lambda: "ok workers: 2 ready" in ask(house, "/readyz")[1], "replacement")
    assert ask(house, "/nothing")[0] == 404
    assert ask(house, "/metrics", "HEAD") == (200, "")
    assert ask(house, "/metrics", "POST")[0] == 501


def test_socket_is_for_owner_and_group_and_goes_at_the_end(house: House) -> None:
    process = house.start()
    path = house.settings.monitor_socket
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    process.terminate()
    process.wait(60)
    assert not path.exists()


def test_loopback_port_follows_the_settings_and_a_bad_one_is_refused(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = house.start()
    house.file.write_text(house.file.read_text() + f'[monitor]\ntcp = "127.0.0.1:{port}"\n')
    process.send_signal(signal.SIGHUP)

    def answers() -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
        except OSError:
            return False

    wait_for(answers, "port")
    house.file.write_text(house.file.read_text().replace(f"127.0.0.1:{port}", "192.0.2.1:99"))
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: house.count("settings refused, the old ones stay") == 1, "refusal")
    assert "monitor.tcp: 192.0.2.1 is not a loopback address" in house.read_log()
    assert answers()
    assert ask(house, "/livez")[0] == 200


def test_worker_whose_event_loop_stands_still_is_replaced(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDA_TEST_STILL_SECONDS", "2")
    house.start()
    wait_for(lambda: figures(house).get(("mda_resident_bytes",), 0) > 10_000_000, "heartbeat")
    stopped = house.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    wait_for(lambda: house.count("it stood still") == 1, "notice")
    wait_for(lambda: stopped not in house.workers(), "end")
    wait_for(lambda: figures(house)["mda_workers", "ready"] == 2, "replacement")
    assert figures(house)["mda_worker_stalls_total",] == 1


@contextmanager
def hanging(house: House) -> Iterator[int]:
    """The worker that takes connections first; those that it has hang, and it has noticed."""
    second = b"MAIL FROM:<>\r\nRCPT TO:<held@d>\r\nDATA\r\nx\r\n.\r\n"
    with house.client() as client:
        client.sendmail("a@example.net", ["held@d"], MAIL)
    with house.connect() as busy, house.connect() as beside:
        busy.sendall(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<slow@d>\r\nDATA\r\nx\r\n.\r\n")
        beside.sendall(b"LHLO x\r\n" + 10 * second)
        wait_for(lambda: house.count("LMTP's thread does not come back: no") == 1, "the worker's own notice")
        yield house.workers()[0]


def test_worker_whose_connections_hang_is_replaced(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDA_TEST_STILL_SECONDS", "3")
    monkeypatch.setenv("MDA_TEST_FRONT_HANGS", "1")
    house.configure(workers="count = 1")
    house.start()
    with hanging(house) as hung:
        wait_for(lambda: house.count("it stood still") == 1, "notice")
    wait_for(lambda: hung not in house.workers(), "end")
    wait_for(lambda: len(house.workers()) == 1 and figures(house)["mda_workers", "ready"] == 1, "replacement")
    assert figures(house)["mda_worker_stalls_total",] >= 1


def test_worker_whose_connections_hang_takes_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it ends by itself where nobody is there any more to kill it."""
    monkeypatch.setenv("MDA_TEST_FRONT_HANGS", "1")
    house.configure(workers="count = 2\ndrain_seconds = 1")
    supervisor = house.start()
    with hanging(house) as hung:
        for _ in range(10):
            with house.connect() as client:
                assert client.recv(1000).startswith(b"220 ")
        supervisor.kill()
        supervisor.wait()
        monkeypatch.delenv("MDA_TEST_FRONT_HANGS")
        house.start()
        wait_for(lambda: hung not in house.workers(), "end")


@pytest.fixture
def manager(house: House) -> Any:
    speaker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    speaker.bind(str(house.folder / "notify"))
    speaker.settimeout(60)
    yield speaker
    speaker.close()


def test_watchdog_is_fed_where_systemd_asks_for_it(
    house: House, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(house.folder / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    house.start()
    heard = [manager.recv(1000) for _ in range(6)]
    assert heard.count(b"WATCHDOG=1") >= 4
    assert b"READY=1" in heard
