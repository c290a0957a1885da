"""The supervisor and its workers as real processes: drain, reload, crash, take-over, socket activation."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.unit.servers.house import ROOT, House, wait_for
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
    assert supervisor.wait(10) == 0
    assert house.workers() == ()
    assert len(messages(house.mail)) == 2


def test_sigterm_cuts_what_outlasts_the_drain(house: House) -> None:
    house.configure(workers="count = 1\ndrain_seconds = 1")
    supervisor = house.start()
    busy = house.client()
    begin(busy)
    begun = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert 0.8 < time.monotonic() - begun < 4
    assert house.count("sessions_cut=1") == 1
    assert messages(house.mail) == ()
