"""`mda domain`: adding, changing and removing the domains that mail is taken for."""

from dataclasses import asdict
from pathlib import Path

import click

from mda import settings
from mda.cli.ask import confirm
from mda.cli.options import DomainType, json_object_option, rehearsal_option, yes_option
from mda.cli.quantities import Count, Size
from mda.cli.table import to_json
from mda.cli.text import say
from mda.metadata.directory import domains
from mda.metadata.postgresql.opened import opened
from mda.sizes import format_size


@click.command()
@click.argument("names", metavar="DOMAIN...", type=DomainType(), nargs=-1, required=True)
@click.pass_obj
def add(config: Path | None, names: tuple[str, ...]) -> None:
    """Take mail for domains.

    Until a domain has an account, its mail is deferred (451 4.3.5), not refused.

    \b
    $ mda domain add example.org
    $ mda domain add bücher.example example.net
    """
    with opened(settings.load(config)) as handle:
        for name in names:
            say(f"added domain {domains.add(handle, name)}")


@click.command()
@click.argument("name", metavar="DOMAIN", type=DomainType())
@rehearsal_option
@json_object_option
@yes_option
@click.pass_obj
def remove(config: Path | None, name: str, is_rehearsal: bool, as_json: bool, is_agreed: bool) -> None:
    """Take no more mail for a domain; its aliases go with it.

    A domain with accounts stays: purge those first.

    \b
    $ mda domain remove example.com
    """
    with opened(settings.load(config)) as handle:
        gone = domains.remove(handle, name, is_rehearsal=True)
        if not is_rehearsal:
            confirm(f"Mail for {name} will be deferred, and its aliases are deleted.", is_agreed=is_agreed)
            gone = domains.remove(handle, name)
    if as_json:
        click.echo(to_json({"is_dry_run": is_rehearsal, **asdict(gone)}))
    else:
        others = f", with {gone.aliases} aliases and {gone.rules} rules on senders" if gone.aliases + gone.rules else ""
        say(f"{'would remove' if is_rehearsal else 'removed'} domain {gone.name}{others}")


@click.command()
@click.argument("name", metavar="ALIAS", type=DomainType())
@click.argument("target", metavar="DOMAIN", type=DomainType())
@click.pass_obj
def alias(config: Path | None, name: str, target: str) -> None:
    """Make a domain another name of a domain: anne@ALIAS is then anne@DOMAIN.

    To undo it: mda domain remove ALIAS.

    \b
    $ mda domain alias example.com example.org
    """
    with opened(settings.load(config)) as handle:
        say(f"{domains.add_alias(handle, name, target)} is an alias of {target}")


@click.command()
@click.argument("name", metavar="DOMAIN", type=DomainType())
@click.option("--quota", metavar="SIZE", help="Most bytes of a new account, like 5GB, or none.")
@click.option("--messages", metavar="NUMBER", help="Most messages of a new account, or none.")
@click.option("--shard", metavar="NAME", help="Shard of new accounts; none: drawn by weight.")
@json_object_option
@click.pass_obj
def defaults(
    config: Path | None, name: str, quota: str | None, messages: str | None, shard: str | None, as_json: bool
) -> None:
    """Show or set what a domain's new accounts get.

    Accounts that are there keep what they have; for those there is mda account quota.

    \b
    $ mda domain defaults example.org
    $ mda domain defaults example.org --quota 5GB --messages none
    """
    changed: dict[str, int | str | None] = {}
    if quota is not None:
        changed["quota_bytes"] = Size().convert(quota, None, None)
    if messages is not None:
        changed["quota_messages"] = Count().convert(messages, None, None)
    if shard is not None:
        changed["shard"] = None if shard == "none" else shard
    with opened(settings.load(config)) as handle:
        found = domains.defaults(handle, name, **changed)
    if as_json:
        click.echo(to_json({"name": name, **asdict(found)}))
        return
    click.echo(f"quota = {format_size(found.quota_bytes)}")
    click.echo(f"messages = {'none' if found.quota_messages is None else found.quota_messages}")
    say(f"shard = {found.shard or 'none'}")
