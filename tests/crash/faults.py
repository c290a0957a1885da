"""The fault library from outside: built, named in an environment, and told at run time which calls to strike.

    faults = Faults.make(folder, watched)          builds it, with an empty journal and no rules
    Popen(..., env=os.environ | faults.environment)
    faults.set(Rule(Call.FDATASYNC, "shards/", Effect.FAIL, errno.EIO, skip=9))

Rules count over all processes that share the folder. The layout is that of fault/fault.h: keep the two alike.
"""

import mmap
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path

_RULE = struct.Struct("<IIiiiIII224s")
_RULES = 16
_CLOCK = struct.Struct("<q")
_CLOCK_AT = _RULES * _RULE.size
_SOURCE = Path(__file__).parent / "fault"


class Call(IntFlag):
    WRITE = 1
    FDATASYNC = 2
    FSYNC = 4
    OPEN = 8
    RENAME = 16
    MKDIR = 32


class Role(IntFlag):
    OTHER = 1
    WORKER = 2
    POSTGRES = 4


class Effect(IntEnum):
    NONE = 0
    """Only the delay."""
    FAIL = 1
    """-1 with `error`; a write has then written half."""
    SHORT = 2
    """A write writes half and says so."""
    LIE = 3
    """Success is claimed and nothing done."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Strikes `times` calls after `skip` ones that match; `part` is looked for in the path."""

    calls: Call
    part: str
    effect: Effect
    error: int = 0
    skip: int = 0
    times: int = 1
    roles: Role = Role.WORKER
    delay_seconds: float = 0.0

    def pack(self) -> bytes:
        microseconds = round(self.delay_seconds * 1_000_000)
        numbers = (self.calls, self.roles, self.skip, self.times, self.error, microseconds, self.effect, 0)
        return _RULE.pack(*numbers, self.part.encode())


ALWAYS = 2_000_000_000
"""For `times`."""


class Faults:
    """One control file and one journal in `folder`, which every watched process must be able to write."""

    def __init__(self, folder: Path, watched: Sequence[Path]) -> None:
        self.library = folder / "fault.so"
        self.journal = folder / "journal"
        self.always: tuple[Rule, ...] = ()
        """Rules that `set` leaves in force."""
        control = folder / "control"
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(self.library),
            "MDA_FAULT_CONTROL": str(control),
            "MDA_FAULT_JOURNAL": str(self.journal),
            "MDA_FAULT_WATCH": ":".join(map(str, watched)),
        }
        control.write_bytes(bytes(_CLOCK_AT + _CLOCK.size))
        self.journal.touch()
        for path in (control, self.journal):
            path.chmod(0o666)
        with control.open("r+b") as opened:
            self._control = mmap.mmap(opened.fileno(), 0)

    @classmethod
    def make(cls, folder: Path, watched: Sequence[Path]) -> "Faults":
        folder.mkdir(parents=True, exist_ok=True)
        faults = cls(folder, watched)
        subprocess.run(["sh", str(_SOURCE / "build.sh"), str(faults.library)], check=True)
        return faults

    def set(self, *rules: Rule) -> None:
        """These rules and no others but `always`."""
        packed = b"".join(rule.pack() for rule in (*rules, *self.always))
        self._control[:_CLOCK_AT] = packed.ljust(_CLOCK_AT, b"\0")

    def fired(self, number: int = 0) -> int:
        """How many calls the rule has struck."""
        fired: int = _RULE.unpack_from(self._control, number * _RULE.size)[7]
        return fired

    def step_clock(self, seconds: int) -> None:
        """The workers' wall clock is wrong by so much from now on."""
        _CLOCK.pack_into(self._control, _CLOCK_AT, seconds)
