"""`mda spam policy allow`, `block`, `remove` and `set`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mda import address, settings
from mda.address import Address
from mda.cli.options import AddressType, DomainType, json_object_option
from mda.cli.table import to_json
from mda.cli.text import say
from mda.errors import InvalidValue
from mda.identifiers import IdentifierSource
from mda.learning import thresholds
from mda.metadata.directory import policies, spam_settings
from mda.metadata.directory.policies import Scope
from mda.metadata.directory.rules import ACTIONS
from mda.metadata.postgresql.opened import opened
from mda.metadata.schema.words import PolicyAction

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT = "default"


class SenderType(click.ParamType[Address | str]):
    """An address, or a domain."""

    name = "sender"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address | str:
        text = str(value)
        try:
            return address.parse(text) if "@" in text else address.domain_key(text)
        except InvalidValue as error:
            self.fail(str(error), param, ctx)


class ThresholdType(click.ParamType[float | str]):
    """A probability, or the word that takes it away."""

    name = "threshold"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        if value == DEFAULT:
            return DEFAULT
        try:
            number = float(str(value))
        except ValueError:
            number = 0.0
        if not 0.0 < number <= 1.0:
            self.fail(f"{value!r} must be above 0 and at most 1 (a probability), or {DEFAULT}", param, ctx)
        return number


class ShareType(click.ParamType[float]):
    """A share of mail: 0.5% or 0.005."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0.0 < share < 0.5:
            self.fail(f"{value!r} must be a share above 0 and below a half, like 0.5%", param, ctx)
        return share


def scope_options(function: F) -> F:
    account = click.option("--account", type=AddressType(), metavar="ACCOUNT", help="Only for this account.")
    domain = click.option("--domain", type=DomainType(), metavar="DOMAIN", help="Only for accounts of this domain.")
    return account(domain(function))


senders_argument = click.argument("senders", metavar="SENDER...", type=SenderType(), nargs=-1, required=True)


@click.command()
@senders_argument
@scope_options
@click.pass_obj
def allow(config: Path | None, senders: tuple[Address | str, ...], account: Address | None, domain: str | None) -> None:
    """Never take a sender's mail for spam, where it is proven to be the sender's.

    A sender is an address, or a domain with those below it. Proof is a DMARC, DKIM or SPF pass for the domain of From
    in the Authentication-Results of spam.authserv_id: anyone can write any From.

    \b
    $ mda spam policy allow ben@example.net --account anne@example.org
    """
    _put(config, _scope(account, domain), PolicyAction.ACCEPT, senders)


@click.command()
@senders_argument
@scope_options
@click.pass_obj
def block(config: Path | None, senders: tuple[Address | str, ...], account: Address | None, domain: str | None) -> None:
    """Take a sender's mail for spam: it goes to Junk, and is never dropped.

    The sender is that of From or of the envelope.

    \b
    $ mda spam policy block offers.example --account anne@example.org
    """
    _put(config, _scope(account, domain), PolicyAction.JUNK, senders)


@click.command()
@senders_argument
@scope_options
@click.pass_obj
def remove(
    config: Path | None, senders: tuple[Address | str, ...], account: Address | None, domain: str | None
) -> None:
    """Take rules away, all of them or none.

    \b
    $ mda spam policy remove offers.example --account anne@example.org
    """
    with opened(settings.load(config)) as handle:
        policies.remove(handle, _scope(account, domain), senders)
    say(f"removed rules on {', '.join(map(str, senders))}")


@click.command("set")
@scope_options
@click.option("--threshold", type=ThresholdType(), help=f"Probability from which mail is spam, or {DEFAULT}.")
@click.option(
    "--false-positives",
    "share",
    type=ShareType(),
    help="Let the threshold follow the share of kept mail above it.",
)
@click.option(
    "--spam-to", type=click.Choice(("junk", "inbox", DEFAULT)), help="Where spam goes; in the INBOX it has its mark."
)
@json_object_option
@click.pass_obj
def set_one(
    config: Path | None,
    account: Address | None,
    domain: str | None,
    threshold: float | str | None,
    share: float | None,
    spam_to: str | None,
    as_json: bool,
) -> None:
    """Show or set the threshold of an account or a domain, and where its spam goes.

    With --false-positives the threshold is read from the newest mail outside of Junk: the score that so much of it
    reaches. The trainer reads it anew every hour.

    \b
    $ mda spam policy set --domain example.org --false-positives 0.5%
    $ mda spam policy set --domain example.org --threshold 0.9
    $ mda spam policy set --account anne@example.org --spam-to inbox
    $ mda spam policy set --account anne@example.org --threshold default
    """
    scope = _scope(account, domain)
    if scope == Scope():
        raise click.UsageError("say --account or --domain; for everybody it is spam.threshold of the settings")
    changes: dict[str, Any] = {}
    if threshold is not None:
        changes |= {"threshold": None if threshold == DEFAULT else threshold, "share": None}
    if spam_to is not None:
        changes["destination"] = None if spam_to == DEFAULT else spam_to
    if threshold is not None and share is not None:
        raise click.UsageError("say --threshold or --false-positives, not both")
    with opened(settings.load(config)) as handle:
        if share is not None:
            scores = spam_settings.ham_scores(handle, scope)
            changes |= {"threshold": thresholds.threshold(scores, share), "share": share}
        found = spam_settings.configure(handle, scope, **changes)
    if as_json:
        values = {"threshold": found.threshold, "false_positives": found.share, "spam_to": found.destination}
        click.echo(to_json({"name": str(account or domain), **values}))
        return
    follows = f" ({100 * found.share:g} % of kept mail)" if found.share else ""
    where = found.destination or DEFAULT
    say(f"{account or domain}: threshold {_short(found.threshold)}{follows}, spam goes to {where}")


def _put(config: Path | None, scope: Scope, action: PolicyAction, senders: tuple[Address | str, ...]) -> None:
    with opened(settings.load(config)) as handle:
        policies.put(handle, IdentifierSource(), scope, action, senders)
    whose = scope.account or scope.domain or "everybody"
    say(f"{ACTIONS[action]} {', '.join(map(str, senders))} for {whose}")


def _short(threshold: float | None) -> str:
    return DEFAULT if threshold is None else f"{threshold:.4g}"


def _scope(account: Address | None, domain: str | None) -> Scope:
    if account is not None and domain is not None:
        raise click.UsageError("say --account or --domain, not both")
    return Scope(account, domain)
