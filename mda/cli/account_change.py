"""`mda account`: adding, changing and deleting accounts."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address, parse
from mda.auth.passwords import Passwords
from mda.cli.ask import confirm, new_password
from mda.cli.options import AddressType, account_argument, json_object_option, rehearsal_option, yes_option
from mda.cli.quantities import Count, Size
from mda.cli.storage_report import Told, run_erasure
from mda.cli.table import to_json
from mda.cli.text import say
from mda.identifiers import IdentifierSource
from mda.maintenance.compaction import rules_of
from mda.maintenance.purging import record_purges
from mda.metadata.directory import accounts, purge
from mda.metadata.directory.accounts import Account, Default, NewAccount
from mda.metadata.mailbox import erasure
from mda.metadata.postgresql.opened import Handle, opened
from mda.metadata.schema.words import AccountState
from mda.settings import Settings
from mda.sizes import format_size


@click.command()
@click.argument("address", metavar="ADDRESS", type=AddressType())
@click.option("--quota", metavar="SIZE", help="Most bytes, like 5GB, or none. Default: the domain's.")
@click.option("--messages", metavar="NUMBER", help="Most messages, or none. Default: the domain's.")
@click.option("--shard", metavar="NAME", help="Shard to keep the mail on. Default: the domain's, else drawn by weight.")
@click.option("--password", "asks", is_flag=True, help="Ask for a password.")
@click.option("--password-stdin", "reads", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def add(
    config: Path | None,
    address: Address,
    quota: str | None,
    messages: str | None,
    shard: str | None,
    asks: bool,
    reads: bool,
) -> None:
    """Add an account with an empty INBOX.

    Without a password it gets mail, but nobody can log in.

    \b
    $ mda account add anne@example.org --password
    $ mda account add bob@example.org --quota 500MB --messages none
    $ pass mail/anne | mda account add anne@example.org --password-stdin
    """
    if asks and reads:
        raise click.UsageError("--password and --password-stdin exclude each other; give one of them")
    most_bytes = Default.OF_DOMAIN if quota is None else Size().convert(quota, None, None)
    most_messages = Default.OF_DOMAIN if messages is None else Count().convert(messages, None, None)
    hashed = Passwords().hash(new_password(from_stdin=reads)) if asks or reads else None
    with opened(settings.load(config)) as handle:
        made = accounts.add(handle, IdentifierSource(), NewAccount(address, hashed, most_bytes, most_messages, shard))
    say(f"added account {made.address} on shard {made.shard}")


@click.command()
@click.argument("old", metavar="OLD", type=AddressType())
@click.argument("new", metavar="NEW", type=AddressType())
@click.option("--keep-alias", "keeps_old", is_flag=True, help="Keep the old address as an alias.")
@click.pass_obj
def rename(config: Path | None, old: Address, new: Address, keeps_old: bool) -> None:
    """Give an account another address; mail and mailboxes stay.

    Mail for the old address is refused, unless it is kept as an alias.

    \b
    $ mda account rename anne@example.org anna@example.org --keep-alias
    """
    with opened(settings.load(config)) as handle:
        renamed = accounts.rename(handle, old, new, keeps_old=keeps_old)
    say(f"{old.key} is now {renamed.address}" + (f"; {old.key} is its alias" if keeps_old else ""))


@click.command()
@click.argument("addresses", metavar="ACCOUNT...", type=AddressType(), nargs=-1, required=True)
@click.pass_obj
def disable(config: Path | None, addresses: tuple[Address, ...]) -> None:
    """Refuse mail (550 5.2.1) and logins; everything is kept.

    \b
    $ mda account disable anne@example.org
    """
    _set_state(config, addresses, AccountState.DISABLED, "disabled")


@click.command()
@click.argument("addresses", metavar="ACCOUNT...", type=AddressType(), nargs=-1, required=True)
@click.pass_obj
def enable(config: Path | None, addresses: tuple[Address, ...]) -> None:
    """Take mail and logins again, also for a deleted account that is not purged.

    \b
    $ mda account enable anne@example.org
    """
    _set_state(config, addresses, AccountState.ACTIVE, "enabled")


@click.command()
@account_argument
@click.option("--password-stdin", "reads", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def passwd(config: Path | None, account: Address, reads: bool) -> None:
    """Set an account's password.

    Asks for it twice, or reads the first line of standard input.

    \b
    $ mda account passwd anne@example.org
    $ pass mail/anne | mda account passwd anne@example.org --password-stdin
    """
    with opened(settings.load(config)) as handle:
        found = accounts.find(handle, account)
        accounts.set_password(handle, account, Passwords().hash(new_password(from_stdin=reads)))
    say(f"set the password of {found.address}")


@click.command()
@account_argument
@click.argument("size", metavar="[SIZE]", required=False)
@click.option("--messages", metavar="NUMBER", help="Most messages, or none.")
@json_object_option
@click.pass_obj
def quota(config: Path | None, account: Address, size: str | None, messages: str | None, as_json: bool) -> None:
    """Show or set what an account may use.

    Sizes are like 5GB, 500MB, 1.5GiB; none takes a limit away.

    \b
    $ mda account quota anne@example.org
    $ mda account quota anne@example.org 5GB --messages 100000
    $ mda account quota anne@example.org none
    """
    limits: dict[str, int | None] = {}
    if size is not None:
        limits["quota_bytes"] = Size().convert(size, None, None)
    if messages is not None:
        limits["quota_messages"] = Count().convert(messages, None, None)
    with opened(settings.load(config)) as handle:
        found = accounts.set_quota(handle, account, **limits)
    if as_json:
        names = ("address", "quota_bytes", "quota_messages", "used_bytes", "used_messages")
        click.echo(to_json({name: getattr(found, name) for name in names}))
        return
    size = "no limit" if found.quota_bytes is None else format_size(found.quota_bytes)
    most = "no limit" if found.quota_messages is None else found.quota_messages
    say(f"{found.address}: {format_size(found.used_bytes)} used of {size}")
    say(f"{found.address}: {found.used_messages} messages of {most}")


@click.command()
@account_argument
@click.option("--purge", "purges", is_flag=True, help="Delete its rows for good.")
@rehearsal_option
@json_object_option
@yes_option
@click.pass_obj
def delete(
    config: Path | None, account: Address, purges: bool, is_rehearsal: bool, as_json: bool, is_agreed: bool
) -> None:
    """Mark an account as deleted, or purge it.

    Marked, it refuses mail and logins and frees nothing: mda account enable brings it back. With --purge its
    mailboxes, messages and addresses are deleted for good, and their bytes on the shards: what is sealed at once, the
    rest, and what an interrupted run has left, with the next mda storage compact.

    \b
    $ mda account delete anne@example.org
    $ mda account delete anne@example.org --purge --dry-run
    $ mda account delete anne@example.org --purge
    """
    chosen = settings.load(config)
    with opened(chosen) as handle:
        found = accounts.find(handle, account)
        if purges:
            erasure.ask_all(handle, found.id, is_rehearsal=True)
        what = f"account {found.address}: {found.used_messages} messages, {format_size(found.used_bytes)}"
        gone = {"address": str(found.address), "messages": found.used_messages, "bytes": found.used_bytes}
        told = Told(is_quiet=as_json)
        document: dict[str, object] = {"is_dry_run": is_rehearsal, "is_purged": purges, **gone}
        if is_rehearsal:
            told.line(f"would {'purge' if purges else 'mark as deleted'} {what}")
        elif purges:
            document |= _purge(handle, chosen, found, told, is_agreed=is_agreed)
        else:
            accounts.set_state(handle, account, AccountState.DELETED)
            told.line(f"deleted account {found.address}; nothing is freed yet")
            say(f"To bring it back: mda account enable {found.address}; to purge it: delete --purge", err=True)
    if as_json:
        click.echo(to_json(document))


def _purge(handle: Handle, chosen: Settings, found: Account, told: Told, *, is_agreed: bool) -> dict[str, int]:
    """What is gone, and what still has to be erased."""
    confirm(
        f"{found.address} with {found.used_messages} messages ({format_size(found.used_bytes)}) will be gone for good.",
        is_agreed=is_agreed,
    )
    address = parse(found.address)
    # In this order: a purge record on the shard before the rows go, or a rebuild would bring the account back.
    erasure.ask_all(handle, found.id)
    accounts.set_state(handle, address, AccountState.DELETED)
    record_purges(handle, IdentifierSource())
    gone = purge.purge(handle, address)
    told.line(f"purged account {gone.address}: {gone.messages} messages, {format_size(gone.bytes)}")
    erased = run_erasure(handle, chosen, rules_of(chosen), told)
    return {"messages": gone.messages, "bytes": gone.bytes, "erased": erased.done, "to_erase": erased.waiting}


def _set_state(config: Path | None, addresses: tuple[Address, ...], state: AccountState, verb: str) -> None:
    with opened(settings.load(config)) as handle:
        for address in addresses:
            accounts.find(handle, address)  # none is changed where one is not there
        for address in addresses:
            found = accounts.set_state(handle, address, state)
            say(f"{verb} {found.address}" + (f" (it was {found.state})" if found.state is not state else ""))
