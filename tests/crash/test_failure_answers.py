"""What a delivery is told when a call fails under the real workers: temporary, for what is affected and nothing else;
the next delivery goes through without a restart, and the log says what was the matter.
"""

import contextlib
import errno
import resource
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mda.metadata.postgresql.engine import make_engine
from mda.storage.location import segment_path
from mda.storage.scan import end_of_content
from mda.storage.seal import SealReason, read_seal
from tests.crash.checker import check_all
from tests.crash.commits import check_commits
from tests.crash.faults import ALWAYS, Call, Effect, Role, Rule
from tests.crash.house import DOMAIN, House
from tests.crash.processes import wait_until
from tests.crash.sender import SAVED, WAIT_SECONDS, Log, Sender

DEADLINE_SECONDS = 3
OPTIONS = f"[delivery]\ndeadline_seconds = {DEADLINE_SECONDS}\n"

HERE = f"here@{DOMAIN}"
"""On the shard that is struck."""
THERE = f"there@{DOMAIN}"
"""On another one."""
FULL = f"full@{DOMAIN}"
"""On a file system of 1 MB."""
MOST_UNTIL_FULL = 2000
MANY_CONNECTIONS = 100


@pytest.fixture(scope="module")
def house(shared_folder: Path) -> Iterator[House]:
    house = House(shared_folder, options=OPTIONS)
    try:
        house.prepare()
        house.add_shard("second")
        house.add_accounts([HERE], "first")
        house.add_accounts([THERE], "second")
        house.start()
        yield house
    finally:
        house.end()
        subprocess.run(["umount", str(house.shards / "small")], capture_output=True, check=False)


@pytest.fixture(scope="module")
def sender(house: House) -> Sender:
    return Sender(house)


@pytest.fixture(autouse=True)
def nothing_is_lost(house: House, sender: Sender) -> Iterator[None]:
    """Before each test all is well; after it, what was acknowledged is there and what was refused can be had again."""
    house.faults.set()
    for recipient in (HERE, THERE):
        wait_until(lambda one=recipient: sender.send_new(one) == SAVED, WAIT_SECONDS, "a delivery")  # type: ignore[misc]
    yield
    house.faults.set()
    wait_until(lambda: sender.send_new(HERE) == SAVED, WAIT_SECONDS, "a delivery after the trouble")
    engine = make_engine(house.database.url)
    with engine.connect() as connection:
        assert check_all(connection, house.shards, sender.ledger, is_settled=False) == []
    engine.dispose()


def strike(house: House, *rules: Rule) -> None:
    """Sets the rules, after the commit records of all deliveries are on disk: a rule that strikes once must meet the
    next mail, and not them. (The records of a worker that was killed never are: such tests come after these.)"""
    engine = make_engine(house.database.url)

    def is_written() -> bool:
        with engine.connect() as connection:
            read, _ = check_commits(connection, house.shards)
        return read.rows == read.rows_with_record

    wait_until(is_written, WAIT_SECONDS, "the commit records")
    engine.dispose()
    house.faults.set(*rules)


@pytest.fixture
def same_workers(house: House) -> Iterator[None]:
    """Who was struck goes on: nothing is restarted, by the supervisor either."""
    before = house.workers
    yield
    assert house.workers == before


A_NEW_SEGMENT = Rule(Call.FDATASYNC, "first/", Effect.FAIL, errno.EBADF)
"""Ends the open one; the batch is then tried in a fresh one."""

CASES: dict[str, tuple[Sequence[Rule], str]] = {
    "no space": ([Rule(Call.WRITE, "first/", Effect.FAIL, errno.ENOSPC, times=ALWAYS)], "452 4.3.1"),
    "no quota": ([Rule(Call.WRITE, "first/", Effect.FAIL, errno.EDQUOT, times=ALWAYS)], "452 4.3.1"),
    "a broken disk": ([Rule(Call.WRITE, "first/", Effect.FAIL, errno.EIO, times=ALWAYS)], "451 4.3.0"),
    "a sync that fails": ([Rule(Call.FDATASYNC, "first/", Effect.FAIL, errno.EIO, times=ALWAYS)], "451 4.3.0"),
    "no descriptors": (
        [Rule(Call.OPEN, "first/", Effect.FAIL, errno.EMFILE, times=ALWAYS), A_NEW_SEGMENT],
        "451 4.3.0",
    ),
    "no memory": ([Rule(Call.WRITE, "first/", Effect.FAIL, errno.ENOMEM, times=ALWAYS)], "451 4.3.0"),
    "a folder that can't be synced": (
        [Rule(Call.FSYNC, "first/", Effect.FAIL, errno.EIO, times=ALWAYS), A_NEW_SEGMENT],
        "451 4.3.0",
    ),
    "a short write": ([Rule(Call.WRITE, "first/", Effect.SHORT, times=3)], SAVED),
    "a segment that is given up": ([A_NEW_SEGMENT], SAVED),
    "a seal that fails": ([A_NEW_SEGMENT, Rule(Call.RENAME, ".seal", Effect.FAIL, errno.EIO)], SAVED),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_that_fails(house: House, sender: Sender, case: str, same_workers: None) -> None:
    rules, answer = CASES[case]
    log = Log(house)
    strike(house, *rules)
    mail = sender.new_mail(HERE)
    assert sender.send(mail) == answer
    assert house.faults.fired() >= 1
    assert sender.send_new(THERE) == SAVED
    house.faults.set()
    assert sender.send(mail) == SAVED
    # Commit records, of no message that waits, may have been struck too.
    refused = [line for line in log.lines("shard_unavailable") if "messages=0" not in line]
    assert len(refused) == (answer != SAVED)
    assert all("remedy=" in line and "first" in line for line in refused)


def test_a_segment_whose_sync_failed_is_sealed_where_it_was_good(house: House, sender: Sender) -> None:
    before = {*(house.shards / "first").rglob("*.seg")}
    strike(house, Rule(Call.FDATASYNC, "first/", Effect.FAIL, errno.EIO))
    assert sender.send_new(HERE) == "451 4.3.0"
    troubled = [path for path in before if _reason(house, path) is SealReason.TROUBLE]
    struck = max(troubled, key=lambda path: path.with_suffix(".seal").stat().st_mtime_ns)
    seal = read_seal(house.shards / "first", int(struck.stem, 16))
    assert seal is not None
    assert struck == segment_path(house.shards / "first", seal.segment)
    assert end_of_content(struck) > seal.length, "what was not synced is behind it"


def _reason(house: House, path: Path) -> SealReason | None:
    seal = read_seal(house.shards / "first", int(path.stem, 16))
    return seal.reason if seal else None


def test_a_disk_that_hangs_delays_only_its_accounts(house: House, sender: Sender, same_workers: None) -> None:
    log = Log(house)
    strike(house, Rule(Call.FDATASYNC, "first/", Effect.NONE, delay_seconds=2 * DEADLINE_SECONDS))
    mail = sender.new_mail(HERE)
    assert sender.send(mail) == "451 4.3.0"
    (said,) = log.lines("shard_late")
    assert "shard=first cause=STORAGE_UNAVAILABLE" in said
    assert "remedy=" in said
    started = time.monotonic()
    assert sender.send_new(THERE) == SAVED
    assert time.monotonic() - started < DEADLINE_SECONDS
    wait_until(lambda: sender.send(mail) == SAVED, WAIT_SECONDS, "the delivery after the hang")


def test_a_full_disk(house: House, sender: Sender, same_workers: None) -> None:
    """A real one, of 1 MB; what is on it stays readable, and what comes when there is room again is stored."""
    log, root = Log(house), house.shards / "small"
    root.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root)], check=False).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs: root outside of a container")
    house.add_shard("small")
    house.add_accounts([FULL], "small")
    ballast = root / ".ballast"
    ballast.write_bytes(bytes(600_000))
    answers = [SAVED]
    while answers[-1] == SAVED and len(answers) < MOST_UNTIL_FULL:
        answers.append(sender.send_new(FULL))
    assert answers[-1] == "452 4.3.1"
    (said,) = log.lines("shard_unavailable")
    assert "shard small" in said
    assert "No space left" in said
    assert "remedy=" in said
    assert sender.send_new(THERE) == SAVED
    ballast.unlink()
    assert sender.send_new(FULL) == SAVED


def test_workers_without_descriptors(house: House, sender: Sender) -> None:
    """More connections than a worker may have descriptors: they wait to be accepted, and nobody is refused."""
    log, workers = Log(house), house.workers
    top = max(int(entry.name) for pid in workers for entry in Path(f"/proc/{pid}/fd").iterdir())
    with limited(house, resource.RLIMIT_NOFILE, top + 4), contextlib.ExitStack() as clients:
        connected = [clients.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(MANY_CONNECTIONS)]
        for client in connected:
            client.connect(str(house.instance.socket))
        wait_until(lambda: log.lines("accept failed") != [], WAIT_SECONDS, "the end of the descriptors")
    wait_until(lambda: sender.send_new(HERE) == SAVED, WAIT_SECONDS, "a delivery with descriptors")
    assert house.workers == workers


def test_workers_without_memory(house: House, sender: Sender) -> None:
    """Fresh ones, as their first large mail comes: it is stored or refused or its connection lost, but soon; and the
    workers go on, or are replaced."""
    assert house.instance.stop() == 0
    house.instance.start()
    wait_until(lambda: sender.send_new(HERE) == SAVED, WAIT_SECONDS, "a delivery by fresh workers")
    mail, started = sender.new_mail(HERE, 30_000_000), time.monotonic()
    with limited(house, resource.RLIMIT_AS, 64_000_000):
        assert sender.try_to_send(mail)[:1] in ("", "2", "4")
    assert time.monotonic() - started < WAIT_SECONDS / 2
    for _ in range(4):
        wait_until(lambda: sender.try_to_send(mail) == SAVED, WAIT_SECONDS, "a delivery with memory")


@contextmanager
def limited(house: House, limit: int, value: int) -> Iterator[None]:
    workers = house.workers
    saved = [resource.prlimit(pid, limit, (value, resource.getrlimit(limit)[1])) for pid in workers]
    try:
        yield
    finally:
        for pid, old in zip(workers, saved, strict=True):
            if pid in house.workers:
                resource.prlimit(pid, limit, old)


def test_a_clock_that_steps_back(house: House, sender: Sender) -> None:
    """And forth, over midnights: what is new is stored, and what was stored is known again."""
    first = sender.new_mail(HERE)
    for seconds in (0, -86_400, 86_400, -400_000_000, 0):
        house.faults.step_clock(seconds)
        assert sender.send_new(HERE) == SAVED
        assert sender.send(first) == SAVED  # the checker wants it there once, and the same id in each answer
    house.faults.step_clock(-86_400)
    assert house.instance.stop() == 0
    house.instance.start()
    assert sender.send_new(HERE) == SAVED
    house.faults.step_clock(0)
    assert sender.send_new(HERE) == SAVED


def test_postgresql_is_down_and_comes_back(house: House, sender: Sender, same_workers: None) -> None:
    mail = sender.new_mail(HERE)
    house.database.kill_all()
    log = Log(house)
    try:
        assert sender.send(mail) == "451 4.3.0"
        said = log.lines("(directory_unavailable|rows_not_committed)")
        assert said
        assert all("remedy=" in line for line in said)
    finally:
        house.database.start(house.faults.environment)
    wait_until(lambda: sender.send(mail) == SAVED, WAIT_SECONDS, "a delivery with PostgreSQL")


def test_postgresql_restarts(house: House, sender: Sender, same_workers: None) -> None:
    """In order, while mail arrives: who is in the middle is told to come again, and nobody is told anything else."""
    mails = [sender.new_mail(HERE) for _ in range(30)]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(sender.send, mails)
        house.database.stop()
        house.database.start(house.faults.environment)
        assert {*answers} <= {SAVED, "451 4.3.0"}
    for mail in mails:
        wait_until(lambda one=mail: sender.send(one) == SAVED, WAIT_SECONDS, "a delivery")  # type: ignore[misc]


def test_postgresql_is_a_standby(house: House, sender: Sender, same_workers: None) -> None:
    """Which answers what is asked and takes nothing; then it is promoted."""
    mail, log = sender.new_mail(HERE), Log(house)
    house.database.stop()
    signal = house.database.cluster / "standby.signal"
    signal.touch()
    house.database.start(house.faults.environment)
    try:
        assert sender.send(mail) == "451 4.3.0"
        said = log.lines("(directory_unavailable|rows_not_committed)")
        assert any("primary" in line for line in said), house.instance.log.read_text()[-4000:]
    finally:
        engine = make_engine(house.database.url)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT pg_promote()").scalar_one()
        engine.dispose()
    wait_until(lambda: sender.send(mail) == SAVED, WAIT_SECONDS, "a delivery to the primary")


def test_a_slow_postgresql_is_waited_for(house: House, sender: Sender, same_workers: None) -> None:
    house.faults.set(Rule(Call.FDATASYNC, "pg_wal", Effect.NONE, roles=Role.POSTGRES, delay_seconds=1.0, times=2))
    assert sender.send_new(HERE) == SAVED
    house.faults.set(
        Rule(Call.FDATASYNC, "pg_wal", Effect.NONE, roles=Role.POSTGRES, delay_seconds=2.0 * DEADLINE_SECONDS)
    )
    mail, log = sender.new_mail(HERE), Log(house)
    assert sender.send(mail) == "451 4.3.0"
    (said,) = log.lines("shard_late")
    assert "cause=DATABASE_UNAVAILABLE" in said
    assert "remedy=" in said
    wait_until(lambda: sender.send(mail) == SAVED, WAIT_SECONDS, "the delivery after the wait")


def test_a_worker_is_killed_while_its_mail_is_being_synced(house: House, sender: Sender) -> None:
    house.faults.set(Rule(Call.FDATASYNC, "first/", Effect.NONE, delay_seconds=1.0))
    mail = sender.new_mail(HERE)
    with smtplib.LMTP(str(house.instance.socket), timeout=WAIT_SECONDS) as client:
        client.ehlo("client.test")
        client.mail(mail.sender)
        client.rcpt(HERE)
        client.putcmd("data")
        client.getreply()
        client.send(mail.raw + b".\r\n")
        wait_until(lambda: house.faults.fired() == 1, WAIT_SECONDS, "the sync")
        house.kill_workers()
        with pytest.raises((OSError, smtplib.SMTPException)):
            client.getreply()
    wait_until(lambda: sender.try_to_send(mail) == SAVED, WAIT_SECONDS, "the next try")
