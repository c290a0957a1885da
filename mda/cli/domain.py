"""`mda domain`: the domains that mail is taken for."""

import click

from mda.cli.lazy import Entry, LazyGroup

COMMANDS = (
    Entry("add", "domain_change", "Take mail for domains."),
    Entry("list", "domain_list", "List domains, with their accounts and aliases counted.", "list_all"),
    Entry("remove", "domain_change", "Take no more mail for a domain; its aliases go with it."),
    Entry("alias", "domain_change", "Make a domain another name of a domain: anne@ALIAS is then anne@DOMAIN."),
    Entry("defaults", "domain_change", "Show or set what a domain's new accounts get."),
)


@click.group(cls=LazyGroup, entries=COMMANDS)
def domain() -> None:
    """Add, list, remove or alias domains.

    \b
    $ mda domain add example.org
    $ mda domain alias example.com example.org
    """
