"""What accounts, domains and the admin ask of the spam filter: rules on senders.

A rule is for one account, for one domain, or for everybody. Look-ups of addresses read all of it with the address
(`mda.metadata.directory.resolve`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete
from sqlalchemy.dialects.postgresql import insert as upsert

from mda.address import Address
from mda.errors import NotFound
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts, domains
from mda.metadata.mailbox.change import changing
from mda.metadata.schema.tables import policy
from mda.metadata.schema.words import PolicyAction, PolicySubject


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose: one account's, one domain's, or everybody's where both are None."""

    account: Address | None = None
    domain: str | None = None


def put(
    engine: Engine, identifiers: IdentifierSource, scope: Scope, action: PolicyAction, senders: Sequence[Address | str]
) -> None:
    """Adds rules on senders (an address or a domain), or changes their action."""
    with changing(engine) as connection:
        owner = owner_of(connection, scope)
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
        owner = owner_of(connection, scope)
        for sender in senders:
            subject, pattern = _pattern(sender)
            condition = (*_is(owner), policy.c.subject == subject, policy.c.pattern == pattern)
            if not connection.execute(delete(policy).where(*condition)).rowcount:
                raise NotFound(f"no rule on {pattern} there", "list them with: mda spam policy list")


def owner_of(connection: Any, scope: Scope) -> dict[str, Any]:
    """As the columns account_id and domain have it; NotFound where there is none such."""
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
