"""What a crash run has done and found, in figures."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.crash.checker import Finding
from tests.crash.commits import CommitsRead
from tests.crash.ledger import Ledger
from tests.crash.victims import Victim

FINDINGS_SHOWN = 20


@dataclass(slots=True)
class Figures:
    seed: int = 0
    kills: Counter[Victim] = field(default_factory=Counter)
    power_cuts: int = 0
    octets_lost: int = 0
    names_lost: int = 0
    faults: int = 0
    started_at: float = field(default_factory=time.monotonic)
    findings: list[Finding] = field(default_factory=list)
    commits: CommitsRead | None = None

    @property
    def total(self) -> int:
        return sum(self.kills.values())


def say(figures: Figures, ledger: Ledger) -> None:
    seconds = time.monotonic() - figures.started_at
    sys.stdout.write(
        f"{seconds:6.0f} s  {figures.total} kills, {figures.power_cuts} power cuts, {figures.faults} faults,"
        f" {len(ledger.acknowledged)} acknowledged, {ledger.refused} refused or broken off,"
        f" {ledger.redelivered} answered again, {len(figures.findings)} findings\n"
    )
    sys.stdout.flush()


def report(figures: Figures, ledger: Ledger) -> str:
    kills = "".join(f"\n  {count:6} {victim.value}" for victim, count in figures.kills.most_common())
    findings = "".join(f"\n  {finding}" for finding in figures.findings[:FINDINGS_SHOWN])
    return (
        f"seed {figures.seed}: {figures.total} kills in {time.monotonic() - figures.started_at:.0f} s:{kills}\n"
        f"{figures.power_cuts} of them with the power cut, which took {figures.octets_lost} unsynced bytes and"
        f" {figures.names_lost} unsynced names\n"
        f"{figures.faults} calls struck by faults\n"
        f"{len(ledger.mails)} mails sent, {len(ledger.acknowledged)} acknowledgements by LMTP,"
        f" {ledger.refused} temporary refusals and broken connections, {ledger.redelivered} redeliveries answered\n"
        f"{figures.commits}\n"
        f"{len(figures.findings)} findings{findings}\n"
    )
