"""`mda account hold` and `retention`: what of an account is kept, and how long."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli.options import MOST_DAYS, account_argument
from mda.cli.quantities import whole
from mda.cli.text import say
from mda.errors import InvalidValue
from mda.metadata.directory import accounts
from mda.metadata.mailbox import erasure
from mda.metadata.postgresql.opened import opened


@click.command()
@account_argument
@click.option("--reason", metavar="TEXT", default="", help="Why, for who comes after you.")
@click.option("--lift", "is_lifted", is_flag=True, help="Lift the hold.")
@click.pass_obj
def hold(config: Path | None, account: Address, reason: str, is_lifted: bool) -> None:
    """Keep everything of an account, until the hold is lifted.

    The user can still expunge, but nothing ends what undelete brings back, and neither message nor account can be
    purged.

    \b
    $ mda account hold anne@example.org --reason "case 4711"
    $ mda account hold anne@example.org --lift
    """
    with opened(settings.load(config)) as handle:
        found = accounts.find(handle, account)
        if is_lifted:
            was_held = erasure.release(handle, found.id)
            say(f"lifted the hold on {found.address}" if was_held else f"{found.address} was not held")
        else:
            since = erasure.hold(handle, found.id, reason)
            say(f"{found.address} is held since {since.astimezone():%Y-%m-%d %H:%M}")


@click.command()
@account_argument
@click.argument("days", metavar="DAYS")
@click.pass_obj
def retention(config: Path | None, account: Address, days: str) -> None:
    """Set for how many days an account's expunged messages can be brought back.

    default follows storage.retention_days of the settings.

    \b
    $ mda account retention anne@example.org 90
    $ mda account retention anne@example.org default
    """
    number = whole(days)
    if days != "default" and (number is None or number > MOST_DAYS):
        raise InvalidValue(f"{days!r} is no number of days", f"write 0 to {MOST_DAYS}, or default")
    with opened(settings.load(config)) as handle:
        found = accounts.find(handle, account)
        erasure.set_retention(handle, found.id, number)
    say(f"{found.address}: expunged messages are kept {'as the settings say' if number is None else f'{number} days'}")
