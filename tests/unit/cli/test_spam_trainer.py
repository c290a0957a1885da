"""`mda spam trainer`: moves and marks become a model that the next delivery uses."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mda.antispam.classifier import base_model_path
from mda.weights import HEADER_BYTES
from tests.unit.cli.conftest import PROGRAM, System

GIVEN = {"subject": "Cheap watches", "text": "Buy cheap watches today.", "sender": "shop@offers.example"}


@pytest.fixture
def running(anne: System) -> Iterator[subprocess.Popen[str]]:
    """A trainer in a process of its own."""
    environment = dict(os.environ, MDA_CONFIG=str(anne.file))
    process = subprocess.Popen(
        [*PROGRAM, "spam", "trainer"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    yield process
    process.kill()
    process.communicate()


def score(system: System, account: str) -> float:
    newest = max(system.listed("message", "search", account), key=lambda one: one["id"])
    return float(newest["spam_score"])


def test_move_into_junk_is_learned_and_counts(anne: System, mail: Callable[..., None]) -> None:
    anne.done("mailbox", "create", "anne@example.org", "Junk", "--role", "junk")
    mail(**GIVEN)
    before = score(anne, "anne@example.org")
    anne.done("message", "move", "anne@example.org", "INBOX:1", "Junk")
    assert anne.done("spam", "trainer", "--once").endswith("learned 1 marks\n")
    assert anne.done("spam", "trainer", "--once").endswith("learned 0 marks\n")
    mail(**GIVEN)
    assert score(anne, "anne@example.org") > before
    assert (anne.data_dir / "spam" / "trained.bin").exists()


def test_purged_account_leaves_the_model(anne: System, mail: Callable[..., None]) -> None:
    mail(**GIVEN)
    anne.done("spam", "learn", "--spam", "anne@example.org", "INBOX:1")
    anne.done("spam", "trainer", "--once")
    trained = anne.data_dir / "spam" / "trained.bin"
    taught = trained.read_bytes()
    anne.done("account", "delete", "--purge", "--yes", "anne@example.org")
    anne.done("spam", "trainer", "--once")
    base = base_model_path().read_bytes()[HEADER_BYTES:]
    assert taught[HEADER_BYTES:] != base == trained.read_bytes()[HEADER_BYTES:]


def test_running_trainer_learns_within_seconds_and_ends_when_told(
    anne: System, mail: Callable[..., None], running: subprocess.Popen[str]
) -> None:
    trained = anne.data_dir / "spam" / "trained.bin"
    mail(**GIVEN)
    anne.done("spam", "learn", "--spam", "anne@example.org", "INBOX:1")
    while not trained.exists():
        assert running.poll() is None
        time.sleep(0.05)
    assert "is running already" in anne.refused("spam", "trainer", "--once")
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert output.endswith("learned 1 marks\n")


def test_trainer_that_is_killed_learns_nothing_twice(anne: System, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    for number in range(150):
        text = f"From: a{number}@example.net\nSubject: number {number}\n\nText {number * 7919} and {number}\n"
        (folder / f"{number:03}").write_text(text)
    anne.done("spam", "learn", "--spam", "anne@example.org", str(folder))
    environment = dict(os.environ, MDA_CONFIG=str(anne.file))
    for milliseconds in (700, 900, 1100):
        process = subprocess.Popen(
            [*PROGRAM, "spam", "trainer"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(milliseconds / 1000)
        process.kill()
        process.wait()
    anne.done("spam", "trainer", "--once")
    trained = anne.data_dir / "spam" / "trained.bin"
    first = trained.read_bytes()
    anne.done("spam", "forget", "anne@example.org", str(folder))
    assert anne.done("spam", "trainer", "--once").endswith("learned 150 marks\n")
    assert trained.read_bytes() != first
    assert trained.read_bytes()[HEADER_BYTES:] == base_model_path().read_bytes()[HEADER_BYTES:]
