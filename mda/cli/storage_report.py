"""How compaction and erasure are told, line by line."""

from collections.abc import Iterable

from mda.cli.progress import Meter
from mda.identifiers import IdentifierSource, format_id
from mda.maintenance.compaction import Compacted, Removed, Rules
from mda.maintenance.erasure import Erased, erase
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.sizes import format_size


def run_erasure(handle: Handle, chosen: Settings, rules: Rules) -> Erased:
    """One run of erasure, told line by line; how it ended."""
    meter = Meter("erasing")
    for step in erase(handle, chosen, rules, IdentifierSource()):
        if isinstance(step, Erased):
            if step.done or step.waiting:
                meter.say(f"erased {step.done}; {step.waiting} still in {step.segments_left} segments, for a later run")
            return step
        report([step], meter)
    return Erased(0, 0, 0)


def report(steps: Iterable[Compacted | Removed], meter: Meter) -> None:
    """Prints each step as it is done."""
    for step in steps:
        segment = format_id(step.segment)
        if isinstance(step, Removed):
            meter.say(f"removed segment {segment}")
        elif step.error:
            meter.say(f"segment {segment} stays: {step.error}", err=True)
        else:
            copied = step.copied
            meter.say(
                f"compacted segment {segment}: {format_size(copied.kept_bytes)} of {format_size(copied.read_bytes)}"
                f" live, {copied.repointed} messages"
            )
