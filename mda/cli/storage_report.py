"""How compaction and erasure are told: line by line, or by their sums."""

from collections.abc import Iterable

from mda.cli.progress import Meter, is_watched
from mda.cli.text import say
from mda.identifiers import IdentifierSource, format_id
from mda.maintenance.compaction import Compacted, Removed, Rules
from mda.maintenance.erasure import Erased, erase
from mda.maintenance.shards import all_shards
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.sizes import format_size
from mda.storage.abandoned import segments_bytes


class Told:
    """What a run has done so far. With `is_quiet` only what went wrong has a line, on standard error."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._compacted = self._removed = self._left = self._read = self._kept = 0

    def line(self, text: str, meter: Meter | None = None) -> None:
        if not self._is_quiet:
            say(text) if meter is None else meter.say(text)

    def step(self, step: Compacted | Removed, meter: Meter) -> None:
        segment = format_id(step.segment)
        if isinstance(step, Removed):
            self._removed += 1
            self.line(f"removed segment {segment}", meter)
        elif step.error:
            self._left += 1
            meter.say(f"segment {segment} stays: {step.error}", err=True)
        else:
            copied = step.copied
            self._compacted, self._read = self._compacted + 1, self._read + copied.read_bytes
            self._kept += copied.kept_bytes
            live = f"{format_size(copied.kept_bytes)} of {format_size(copied.read_bytes)} live"
            self.line(f"compacted segment {segment}: {live}, {copied.repointed} messages", meter)

    def sums(self) -> dict[str, int]:
        return {
            "compacted_segments": self._compacted,
            "removed_segments": self._removed,
            "left_segments": self._left,
            "read_bytes": self._read,
            "kept_bytes": self._kept,
        }


def run_erasure(handle: Handle, chosen: Settings, rules: Rules, told: Told | None = None) -> Erased:
    """One run of erasure; how it ended."""
    told = told or Told()
    total = sum(segments_bytes(one.root) for one in all_shards(handle)) if is_watched() else 0
    with Meter("erasing", total) as meter:
        for step in erase(handle, chosen, rules, IdentifierSource(), meter.add):
            if isinstance(step, Erased):
                if step.done or step.waiting:
                    left = f"{step.waiting} still in {step.segments_left} segments, for a later run"
                    told.line(f"erased {step.done}; {left}", meter)
                return step
            told.step(step, meter)
    return Erased(0, 0, 0)


def report(steps: Iterable[Compacted | Removed], meter: Meter, told: Told | None = None) -> None:
    """Tells each step as it is done."""
    told = told or Told()
    for step in steps:
        told.step(step, meter)
