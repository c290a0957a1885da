"""All checks in one row, each part as far as it can be looked at: what is broken stops only what needs it."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

from mda.checks import core, database, postfix, settings_file, shards
from mda.checks.finding import Finding, Level, error, skipped
from mda.checks.site import Site
from mda.errors import MdaError
from mda.metadata.checkpoint import dump
from mda.metadata.directory import domains
from mda.metadata.directory import shards as known_shards
from mda.metadata.mailbox import replicas
from mda.metadata.postgresql.opened import Handle, is_missing, opened
from mda.settings import Settings

NEEDED = frozenset({"database.reachable", "database.schema"})
"""Without these nothing of the directory can be asked."""


def check(settings: Settings, file: Path, postfix_folder: Path | None, *, asks_postfix: bool) -> Iterator[Finding]:
    """Findings as they are made. `file` is where the settings came from."""
    site = Site(file.absolute())
    yield from settings_file.check(settings, site)
    names = yield from _metadata(settings, site)
    yield from core.check(settings, site)
    if asks_postfix:
        yield from postfix.check(settings, site, names, postfix_folder)


Names = tuple[str, ...] | None
"""The directory's domains; None where it could not be read."""


def _metadata(settings: Settings, site: Site) -> Generator[Finding, None, Names]:
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(opened(settings))
        except MdaError as trouble:
            remedy = settings_file.missing_folder(settings, site) if is_missing(settings) else trouble.remedy
            yield error("database.reachable", trouble.message, "all mail is deferred (4.3.0)", remedy)
            return None
        found = list(database.check(handle, settings, site))
        yield from found
        if any(finding.name in NEEDED and finding.level is Level.ERROR for finding in found):
            yield skipped("shard.folder", "the shards are known once the database can be asked")
            return None
        return (yield from _directory(handle, settings, site))


def _directory(handle: Handle, settings: Settings, site: Site) -> Generator[Finding, None, Names]:
    try:
        known = known_shards.list_all(handle)
        names = tuple(domain.name for domain in domains.list_all(handle))
        pairs = sorted({(one.shard_id, one.replica_shard_id) for one in replicas.replicated(handle)})
        checkpoints = {shard.id: dump.newest(handle, shard.id) for shard in known}
    except MdaError as trouble:
        yield error("database.directory", trouble.message, "all mail is deferred (4.3.0)", trouble.remedy)
        return None
    yield from shards.check(known, settings, site, pairs, checkpoints)
    return names
