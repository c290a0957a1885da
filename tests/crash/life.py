"""A store's life in fast motion: mail arrives, is expunged, compacted, moved between shards, checked and read, all at
the same time, and every few seconds something is killed; then what was acknowledged and not expunged is there.

    python -m tests.crash.life [--seconds 60] [--gigabytes 0] [--seed N]      or: make test-life GIGABYTES=10

Runs until both are reached: that time, and so much mail. Prints its seed and its figures; exits 1 where anything is
wrong, and keeps the folder then.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import bindparam, text

from mda.metadata.postgresql.engine import make_engine
from tests.crash.checker import Finding, check_all
from tests.crash.house import ADDRESSES, House
from tests.crash.ledger import Ledger
from tests.crash.load import Load
from tests.crash.upkeep import Upkeep
from tests.crash.victims import Victim, recover, strike

SESSIONS = 6
SETTLE_SECONDS = 180
SETTLED_A_SECOND = 2e6
"""Octets sent, for which a compaction that nobody kills any more catches up in a second."""

ATTACHED = 0.1
"""Share of mails with an attachment, where gigabytes are asked for: short mails alone would take a day."""

TELL_SECONDS = 60
"""How often it says how far it is."""

OPTIONS = """
[lmtp]
socket_mode = "0666"
[storage]
segment_bytes = 1000000
segment_age_seconds = 5
maintenance_bytes_per_second = 100000000
[delivery]
deadline_seconds = 4
"""
"""Small segments that are soon old enough to be compacted; upkeep that keeps up with the load."""

SHARDS = ("first", "second")
REPLICAS = "third"
"""Where half of the accounts have their second shard."""

VICTIMS = (Victim.WORKER, Victim.WORKERS, Victim.SUPERVISOR, Victim.MDA, Victim.POSTMASTER, Victim.BACKEND)
REMAINS = text("SELECT content_id FROM message WHERE content_id IN :ids").bindparams(bindparam("ids", expanding=True))
WITHOUT_REPLICA = text(
    "SELECT content.id FROM content JOIN account ON account.id = account_id AND replica_shard_id IS NOT NULL"
    " LEFT JOIN replica ON (replica.account_id, content_id) = (content.account_id, content.id)"
    " WHERE replica.shard_id IS DISTINCT FROM replica_shard_id OR content.shard_id <> account.shard_id"
)
LIVE = text(
    'SELECT coalesce(sum(length), 0) FROM (SELECT segment, "offset", length FROM content'
    ' UNION SELECT segment, "offset", length FROM replica) AS place'
)
EXPECTED_ORPHANS = "contents without a message"
"""Expunged messages within their window are that."""


@dataclass(slots=True)
class Life:
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    expunged: int = 0
    octets: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    replicas: int = 0
    live_octets: int = 0
    segment_octets: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {name}" for name, count in self.kills.most_common())
        ended = ", ".join(f"{count} {name}" for name, count in self.ended.most_common())
        findings = "".join(f"\n  {one}" for one in self.findings[:20])
        return (
            f"seed {self.seed}: {self.acknowledged} acknowledged, {self.octets / 1e6:.0f} MB sent,"
            f" {self.expunged} expunged, {self.replicas} with a replica\nkilled: {kills}\nended in order: {ended}\n"
            f"{self.live_octets / 1e6:.1f} MB live in {self.segment_octets / 1e6:.1f} MB of segments\n"
            f"{len(self.findings)} findings{findings}\n"
        )


def live(folder: Path, seed: int, seconds: float, octets: int = 0) -> Life:
    """All of it, in `folder`, the caller's to remove."""
    random, house, ledger = Random(seed), House(folder, options=OPTIONS), Ledger()
    result = Life(seed)
    try:
        house.prepare()
        house.add_shard(SHARDS[1])
        house.add_shard(REPLICAS)
        house.instance.mda("account", "replica", *ADDRESSES[::2], "--shard", REPLICAS)
        for address in ADDRESSES[:-4]:
            house.instance.mda("account", "retention", address, "0")
        house.start()
        attached = ATTACHED if octets else 0
        load = Load(house.instance.socket, ADDRESSES, ledger, SESSIONS, random.getrandbits(32), attached)
        upkeep = Upkeep(house.instance, ledger, SHARDS, seed)
        load.start()
        upkeep.start()
        _suffer(house, ledger, upkeep, random, result, seconds, octets)
        upkeep.finish(SETTLE_SECONDS + octets / SETTLED_A_SECOND)
        if not load.finish(SETTLE_SECONDS):
            result.findings.append(f"mail is left over after {SETTLE_SECONDS} s")
        house.instance.stop()
        house.seal_abandoned()
        upkeep.settle()
        _judge(house, ledger, upkeep, result)
    finally:
        house.end()
    return result


def _suffer(
    house: House, ledger: Ledger, upkeep: Upkeep, random: Random, result: Life, seconds: float, octets: int
) -> None:
    begin = told_at = time.monotonic()
    while time.monotonic() < begin + seconds or ledger.octets < octets:
        if time.monotonic() > told_at + TELL_SECONDS:
            told_at = time.monotonic()
            minutes, kills = (told_at - begin) / 60, result.kills.total()
            sys.stdout.write(f"{minutes:.0f} min: {ledger.octets / 1e6:.0f} MB sent, {kills} kills\n")
            sys.stdout.flush()
        time.sleep(random.uniform(1, 4))
        if random.random() < 0.5:
            killed = upkeep.kill_one(random)
            if killed:
                result.kills[f"mda {killed}"] += 1
        else:
            victim = random.choice(VICTIMS)
            strike(victim, house, None, random)
            result.kills[victim.value] += 1
            recover(house)
        if upkeep.wrong:
            return


def _judge(house: House, ledger: Ledger, upkeep: Upkeep, result: Life) -> None:
    engine = make_engine(house.database.url)
    with engine.connect() as connection:
        found: list[Finding] = check_all(connection, house.shards, upkeep.survivors(), is_settled=True)
        ids = [one.content_id for one in upkeep.gone]
        remaining = connection.execute(REMAINS, {"ids": ids}).scalars().all() if ids else ()
        single = connection.execute(WITHOUT_REPLICA).scalars().all()
        result.replicas = connection.execute(text("SELECT count(*) FROM replica")).scalar_one()
        result.live_octets = int(connection.execute(LIVE).scalar_one())
    engine.dispose()
    result.findings += upkeep.wrong
    result.findings += [str(one) for one in found if EXPECTED_ORPHANS not in one.what]
    result.findings += [f"expunged, and there again: {one:016x}" for one in remaining]
    result.findings += [f"not on its two shards: {one:016x}" for one in single]
    result.acknowledged, result.expunged = len(ledger.acknowledged), len(upkeep.gone)
    result.octets, result.ended = ledger.octets, upkeep.ended
    result.segment_octets = sum(path.stat().st_size for path in house.shards.rglob("*.seg"))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.life", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--gigabytes", type=float, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    folder = Path(tempfile.mkdtemp(prefix="mda-life-"))
    folder.chmod(0o755)
    sys.stdout.write(f"seed {given.seed}, in {folder}\n")
    result = live(folder, given.seed, given.seconds, int(given.gigabytes * 1e9))
    sys.stdout.write(str(result))
    if result.findings:
        sys.stdout.write(f"kept for you to look at: {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
