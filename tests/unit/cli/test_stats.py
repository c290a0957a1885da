"""`mda stats` and `mda top` on a service that runs."""

import os
import pty
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.instance import Instance
from tests.unit.cli.conftest import System


@pytest.fixture
def serving(database_url: str) -> Iterator[Instance]:
    folder = Path(tempfile.mkdtemp(prefix="mda"))  # short: sockets are below it
    instance = Instance(folder, database_url)
    instance.prepare("example.org", ["anne"])
    instance.start()
    yield instance
    instance.close()
    shutil.rmtree(folder)


def send(instance: Instance, count: int) -> None:
    with smtplib.LMTP(str(instance.socket)) as session:
        for number in range(count):
            session.sendmail("ben@example.net", ["anne@example.org"], f"Subject: {number}\r\n\r\nHello\r\n")


def test_stats_count_what_was_delivered(serving: Instance) -> None:
    send(serving, 5)
    deadline = time.monotonic() + 30
    while "2 of 2 ready" not in (shown := serving.mda("stats").decode()):  # one answers before both are ready
        assert time.monotonic() < deadline, shown
    assert "5 delivered" in shown
    assert "5 accepted" in shown
    assert re.search(r"^whole delivery\s+5\s+\d+\.\d\d ms\s+\d+\.\d\d ms", shown, re.MULTILINE)
    assert re.search(r"^commit rows\s+5 .*\s1\.0$", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80
    rows = {row["name"]: row for row in serving.listing("stats")}
    assert rows["mda_delivery_seconds"]["count"] == 5
    assert rows["mda_deliveries_total"]["labels"] == {"result": "delivered", "cause": ""}


def test_top_draws_frames_that_fit_80_columns(serving: Instance) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "LINES": "40", "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        serving.command("top", "--interval", "3", "--frames", "1"),
        env=environment,
        stdout=follower,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    os.close(follower)
    shown = b""
    while b"collecting" not in shown:
        shown += os.read(leader, 65536)
    send(serving, 10)
    while True:
        try:
            shown += os.read(leader, 65536)
        except OSError:
            break
    assert process.wait() == 0, process.stderr.read() if process.stderr else ""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n")
    assert re.search(r"delivered\s+[1-9]\d*\.\d", text)
    assert "whole delivery" in text
    assert re.search(r"anne@example.org\s+10", text)
    assert max(map(len, text.splitlines())) <= 80


def test_without_a_service_the_way_out_is_named(system: System) -> None:
    assert "start it: mda serve" in system.refused("stats")
    assert "use mda stats" in system.refused("top")
