"""How compaction and erasure are told, line by line."""

from collections.abc import Iterable

import click

from mda.identifiers import IdentifierSource, format_id
from mda.maintenance.compaction import Compacted, Removed, Rules
from mda.maintenance.erasure import Erased, erase
from mda.metadata.postgresql.opened import Handle
from mda.settings import Settings
from mda.sizes import format_size


def run_erasure(handle: Handle, chosen: Settings, rules: Rules) -> Erased:
    """One run of erasure, told line by line; how it ended."""
    for step in erase(handle, chosen, rules, IdentifierSource()):
        if isinstance(step, Erased):
            if step.done or step.waiting:
                click.echo(
                    f"erased {step.done}; {step.waiting} still in {step.segments_left} segments, for a later run"
                )
            return step
        report([step])
    return Erased(0, 0, 0)


def report(steps: Iterable[Compacted | Removed]) -> None:
    """Prints each step as it is done."""
    for step in steps:
        segment = format_id(step.segment)
        if isinstance(step, Removed):
            click.echo(f"removed segment {segment}")
        elif step.error:
            click.echo(f"segment {segment} stays: {step.error}", err=True)
        else:
            copied = step.copied
            click.echo(
                f"compacted segment {segment}: {format_size(copied.kept_bytes)} of {format_size(copied.read_bytes)}"
                f" live, {copied.repointed} messages"
            )
