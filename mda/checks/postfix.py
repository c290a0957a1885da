"""All that `mda check` asks of Postfix's configuration."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mda.checks import postfix_domains, postfix_lmtp, postfix_pipe, postfix_queue, postfix_routes
from mda.checks.finding import Finding, Level, error, ok, skipped
from mda.checks.site import Site
from mda.errors import MdaError
from mda.postfix import postconf
from mda.postfix.configuration import Configuration
from mda.settings import Settings


def check(
    settings: Settings, site: Site, domains: Sequence[str] | None, folder: Path | None = None
) -> Iterator[Finding]:
    """`domains` are the directory's, None where it could not be read; `folder` holds another main.cf."""
    if not postconf.is_installed():
        yield skipped("postfix.installed", "no Postfix on this machine: its configuration was not checked")
        return
    try:
        yield from _fit(postconf.read(folder), settings, domains, site)
    except MdaError as trouble:
        yield error("postfix.readable", trouble.message, "Postfix itself may hold up mail for it", trouble.remedy)


def _fit(
    configuration: Configuration, settings: Settings, domains: Sequence[str] | None, site: Site
) -> Iterator[Finding]:
    tables = postconf.Tables(configuration)
    found = postfix_routes.routes(configuration, tables, settings)
    yield from postfix_routes.check(found, configuration, settings)
    if not found:
        return
    about = list(postfix_queue.check(configuration, settings, site))
    for route in found:
        one = postfix_pipe if route.is_pipe else postfix_lmtp
        about.extend(one.check(route, configuration, settings, site))
    if domains is not None:
        about.extend(postfix_domains.check(configuration, tables, domains, site))
    yield from about
    if not any(finding.level in (Level.WARNING, Level.ERROR) for finding in about):
        yield ok("postfix.configuration", f"{configuration.folder} fits the MDA")
