"""What an admin's timers and hands do to a store, as the real commands, again and again, each in a thread of its own.

Any of them may be killed at any moment (`kill_one`); what its exit status says is held against what it may say then.
"""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from tests.crash.checker import account_of
from tests.crash.ledger import Acknowledged, Ledger, digest_behind_mark
from tests.crash.processes import kill
from tests.integration.instance import Instance

PAUSE_SECONDS = 0.3
MOST_EXPUNGED = 500
SETTLING_SECONDS = 20
"""At the end, until what was sealed last may be compacted: above four times delivery.deadline_seconds of the run."""

GRACE_SECONDS = 3
CHECK_LEFT = 2
CHECK_ENDED = (0, 1, CHECK_LEFT)
"""Exit statuses of `mda storage check --repair` that are a result; any other means that it did not get through."""


class Upkeep:
    """Threads from `start` to `finish`. `gone` are messages that are expunged; `unsure` those of commands that died."""

    def __init__(self, instance: Instance, ledger: Ledger, shards: Sequence[str], seed: int) -> None:
        self._instance = instance
        self._ledger = ledger
        self._shards = shards
        self._seed = seed
        self._lock = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []
        self.gone: set[Acknowledged] = set()
        self.unsure: set[Acknowledged] = set()
        self.ended: Counter[str] = Counter()
        """Commands that reached their end in order, by what they do."""
        self.killed: Counter[str] = Counter()
        self.wrong: list[str] = []

    def start(self) -> None:
        jobs: Mapping[str, Callable[[Random], None]] = {
            "expunge": self._expunge,
            "compact": self._compact,
            "move": self._move,
            "check": self._check,
            "replicate": self._replicate,
            "read": self._read,
        }
        for number, (name, job) in enumerate(jobs.items()):
            thread = threading.Thread(
                target=self._again, args=(job, Random(self._seed + number)), name=name, daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def finish(self, seconds: float) -> None:
        """Nothing new begins; what runs may end."""
        self._ends.set()
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), f"{thread.name} does not end"

    def kill_one(self, random: Random) -> str:
        """The command that was killed; empty where none runs."""
        with self._lock:
            names = [name for name, process in self._running.items() if process.poll() is None]
            if not names:
                return ""
            name = random.choice(sorted(names))
            self.killed[name] += 1
            kill(self._running[name].pid)
            return name

    def settle(self) -> None:
        """At rest: all space comes back, and a check finds nothing that it can't mend, and then nothing."""
        self._replicate(Random(0))
        time.sleep(SETTLING_SECONDS)
        self._compact(Random(0))
        time.sleep(GRACE_SECONDS + 1)
        self._compact(Random(0))  # removes what the first one has retired
        self._check(Random(0))
        status, said = self._command("check", "storage", "check")
        if status:
            self.wrong.append(f"the store at rest: exit {status}: {said.decode(errors='replace')}")

    def survivors(self) -> Ledger:
        """What must be there still, in a ledger of its own."""
        left = Ledger()
        touched = self.gone | self.unsure
        names = {one.name for one in touched}
        left.mails = {
            name: mail if name not in names else type(mail)(mail.digest, mail.recipients, is_sure=False)
            for name, mail in self._ledger.expected()
        }
        left.acknowledged = {(one.name, one.recipient): one for one in self._ledger.since(0) if one not in touched}
        left.wrong = self._ledger.wrong
        return left

    def _again(self, job: Callable[[Random], None], random: Random) -> None:
        while not self._ends.wait(PAUSE_SECONDS):
            try:
                job(random)
            except Exception as error:
                self.wrong.append(f"{threading.current_thread().name}: {error!r}")
                raise

    def _command(self, name: str, *words: str) -> tuple[int, bytes]:
        with self._lock:
            process = subprocess.Popen(
                self._instance.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            self._running[name] = process
        out, errors = process.communicate()
        with self._lock:
            del self._running[name]
        if process.returncode == 0:
            self.ended[name] += 1
        return process.returncode, out if process.returncode == 0 else out + errors

    def _expunge(self, random: Random) -> None:
        with self._lock:
            touched = self.gone | self.unsure
        left = [one for one in self._ledger.since(0) if one not in touched]
        if not left:
            return
        account = account_of(random.choice(left).recipient)
        mine = [one for one in left if account_of(one.recipient) == account]
        chosen = random.sample(mine, min(MOST_EXPUNGED, -(-len(mine) * 9 // 10)))
        self.unsure.update(chosen)
        status, _ = self._command(
            "expunge", "message", "expunge", account, *(f"{one.content_id:016x}" for one in chosen)
        )
        if status == 0:
            self.gone.update(chosen)
            self.unsure.difference_update(chosen)

    def _compact(self, random: Random) -> None:
        percent = str(random.choice((10, 30)))
        self._command("compact", "storage", "compact", "--dead", percent, "--remove-after", str(GRACE_SECONDS))

    def _move(self, random: Random) -> None:
        said = self._ledger.since(0)
        if said:
            account = account_of(random.choice(said).recipient)
            self._command("move", "shard", "move", account, random.choice(self._shards))

    def _replicate(self, random: Random) -> None:
        self._command("replicate", "storage", "replicate")

    def _check(self, random: Random) -> None:
        status, said = self._command("check", "storage", "check", "--repair")
        if status in CHECK_ENDED:
            self.ended["check"] += status != 0
        if status == CHECK_LEFT:
            self.wrong.append(f"a check leaves something: {said.decode(errors='replace')[-1000:]}")

    def _read(self, random: Random) -> None:
        said = self._ledger.since(0)
        if not said:
            return
        one = random.choice(said)
        status, raw = self._command("read", "message", "raw", account_of(one.recipient), f"{one.content_id:016x}")
        if status == 0 and digest_behind_mark(raw) != self._ledger.mails[one.name].digest:
            self.wrong.append(f"{one} reads otherwise than it was sent")
        elif b"offset" in raw and b"shard" in raw and status:
            self.wrong.append(f"{one} can't be read: {raw.decode(errors='replace')[-500:]}")
