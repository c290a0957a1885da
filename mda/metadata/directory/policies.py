"""What accounts, domains and the admin ask of the spam filter: rules on senders, thresholds, where spam goes.

A rule or setting is for one account, for one domain, or for everybody (rules only; the settings file has the rest).
Look-ups of addresses read all of it with the address (`mda.metadata.directory.resolve`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.address import Address
from mda.errors import NotFound
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts, domains
from mda.metadata.mailbox.change import changing
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, address, content, domain, mailbox, message, policy
from mda.metadata.schema.words import AddressKind, PolicyAction, PolicySubject, Role

SPAM = "spam"
"""Key in the settings of an account or a domain: the mailbox that takes spam, junk or inbox."""

MOST_SCORES = 20_000
"""The newest are asked for a threshold."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose: one account's, one domain's, or everybody's where both are None."""

    account: Address | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is listed; `whose` is an address, a domain, or empty for everybody's."""

    whose: str
    action: PolicyAction
    subject: PolicySubject
    pattern: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SpamSettings:
    """What an account or a domain has set; None: what stands above it."""

    threshold: float | None
    destination: str | None


def put(
    engine: Engine, identifiers: IdentifierSource, scope: Scope, action: PolicyAction, senders: Sequence[Address | str]
) -> None:
    """Adds rules on senders (an address or a domain), or changes their action."""
    with changing(engine) as connection:
        owner = _owner(connection, scope)
        for sender in senders:
            subject, pattern = _pattern(sender)
            statement = upsert(policy).values(
                id=identifiers.next(), subject=subject, pattern=pattern, action=action, **owner
            )
            keys = ["account_id", "domain", "subject", "pattern"]
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"action": action}))


def remove(engine: Engine, scope: Scope, senders: Sequence[Address | str]) -> None:
    """Takes rules away, all or none; NotFound where one of them is not there."""
    with changing(engine) as connection:
        owner = _owner(connection, scope)
        for sender in senders:
            subject, pattern = _pattern(sender)
            condition = (*_is(owner), policy.c.subject == subject, policy.c.pattern == pattern)
            if not connection.execute(delete(policy).where(*condition)).rowcount:
                raise NotFound(f"no rule on {pattern} there", "list them with: mda spam policy list")


def list_all(engine: Engine) -> tuple[Rule, ...]:
    """Every rule, everybody's first."""
    statement = (
        select(policy, account.c.address)
        .outerjoin(account, account.c.id == policy.c.account_id)
        .order_by(account.c.address.nulls_first(), policy.c.domain.nulls_first(), policy.c.pattern)
    )
    with transaction(engine) as connection:
        return tuple(
            Rule(
                row.address or row.domain or "",
                PolicyAction(row.action),
                PolicySubject(row.subject),
                row.pattern,
                row.created_at,
            )
            for row in connection.execute(statement)
        )


def configure(engine: Engine, scope: Scope, **changes: Any) -> SpamSettings:
    """Sets `threshold` and `destination` of an account or a domain, those that are given; None goes back to what stands
    above."""
    with changing(engine) as connection:
        owner = _owner(connection, scope)
        table, is_it = (account, account.c.id == owner["account_id"])
        if scope.account is None:
            table, is_it = (domain, domain.c.name == owner["domain"])
        values: dict[str, Any] = {}
        if "threshold" in changes:
            values["spam_threshold"] = changes["threshold"]
        if "destination" in changes:
            values["settings"] = _with_destination(table.c.settings, changes["destination"])
        if values:
            connection.execute(update(table).where(is_it).values(values))
        row = connection.execute(select(table.c.spam_threshold, table.c.settings[SPAM].astext).where(is_it)).one()
        return SpamSettings(*row)


def ham_scores(engine: Engine, scope: Scope) -> tuple[float, ...]:
    """Scores of an account's or a domain's newest mail outside of Junk and Trash, rising."""
    with transaction(engine) as connection:
        owner = _owner(connection, scope)
        accounts_of = select(address.c.account_id).where(
            address.c.kind == AddressKind.ACCOUNT, address.c.domain == owner["domain"]
        )
        whose = accounts_of if scope.account is None else (owner["account_id"],)
        joined = message.join(
            content, (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id)
        ).join(mailbox, (mailbox.c.account_id == message.c.account_id) & (mailbox.c.id == message.c.mailbox_id))
        kept = mailbox.c.role.is_(None) | mailbox.c.role.not_in((Role.JUNK, Role.TRASH, Role.SENT, Role.DRAFTS))
        statement = (
            select(content.c.spam_score)
            .select_from(joined)
            .where(message.c.account_id.in_(whose), content.c.spam_score.is_not(None), kept)
            .order_by(content.c.id.desc())
            .limit(MOST_SCORES)
        )
        return tuple(sorted(connection.scalars(statement)))


def _with_destination(settings: Any, destination: str | None) -> Any:
    if destination is None:
        return settings.op("-")(SPAM)
    return settings.op("||")(cast(func.jsonb_build_object(SPAM, literal(destination)), JSONB))


def _owner(connection: Any, scope: Scope) -> dict[str, Any]:
    if scope.account is not None:
        return {"account_id": accounts.require(connection, scope.account).id, "domain": None}
    if scope.domain is not None:
        domains.require(connection, scope.domain)
    return {"account_id": None, "domain": scope.domain}


def _is(owner: dict[str, Any]) -> list[Any]:
    return [policy.c[name].is_not_distinct_from(value) for name, value in owner.items()]


def _pattern(sender: Address | str) -> tuple[PolicySubject, str]:
    if isinstance(sender, Address):
        return PolicySubject.SENDER, str(sender.key)
    return PolicySubject.SENDER_DOMAIN, sender
