"""What an account or a domain has set of the spam filter: its threshold, and where spam goes.

A threshold is given as such, or as a share of false positives, which it follows (`mda.learning.thresholds`). What is
not set is what stands above: the domain's, then the settings file's. Look-ups of addresses read it with the address
(`mda.metadata.directory.resolve`).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, ScalarSelect, Table, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from mda import address as addresses
from mda.metadata.directory.policies import Scope, owner_of
from mda.metadata.mailbox.change import changing
from mda.metadata.postgresql.engine import transaction
from mda.metadata.schema.tables import account, address, content, domain, mailbox, message
from mda.metadata.schema.words import AddressKind, Role

DESTINATION = "spam"
"""Key in the settings of an account or a domain: the mailbox that takes spam, junk or inbox."""

SHARE = "spam_false_positives"
"""Key in them: the share of kept mail that may reach the threshold."""

MOST_SCORES = 20_000
"""The newest are asked for a threshold."""

_NO_HAM = (Role.JUNK, Role.TRASH, Role.SENT, Role.DRAFTS)


@dataclass(frozen=True, slots=True)
class SpamSettings:
    """What an account or a domain has set; None: what stands above it. `share` is what the threshold follows; None: it
    stays as it is."""

    threshold: float | None
    share: float | None
    destination: str | None


def configure(engine: Engine, scope: Scope, **changes: Any) -> SpamSettings:
    """Sets `threshold`, `share` and `destination` of an account or a domain, those that are given."""
    with changing(engine) as connection:
        table, is_it = _row(connection, scope)
        found = connection.execute(select(table.c.settings).where(is_it).with_for_update()).one()
        kept = dict(found.settings)
        for name, key in (("share", SHARE), ("destination", DESTINATION)):
            if name in changes:
                kept[key] = changes[name]
        values: dict[str, Any] = {"settings": {key: value for key, value in kept.items() if value is not None}}
        if "threshold" in changes:
            values["spam_threshold"] = changes["threshold"]
        connection.execute(update(table).where(is_it).values(values))
        row = connection.execute(select(table.c.spam_threshold, table.c.settings).where(is_it)).one()
        return SpamSettings(row.spam_threshold, row.settings.get(SHARE), row.settings.get(DESTINATION))


def followers(engine: Engine) -> tuple[tuple[Scope, float], ...]:
    """Accounts and domains whose threshold follows a share, and the share."""
    has_share = literal(SHARE)
    of_accounts = select(account.c.address, account.c.settings).where(account.c.settings.op("?")(has_share))
    of_domains = select(domain.c.name, domain.c.settings).where(domain.c.settings.op("?")(has_share))
    with transaction(engine) as connection:
        found = [(Scope(addresses.parse(name)), kept[SHARE]) for name, kept in connection.execute(of_accounts)]
        found += [(Scope(domain=name), kept[SHARE]) for name, kept in connection.execute(of_domains)]
    return tuple(found)


def follow(engine: Engine, scope: Scope, share: float, threshold: float) -> None:
    """Sets the threshold, unless it follows another share by now, or none. One that is the same is not written: each
    write makes all workers forget what they have looked up."""
    with changing(engine) as connection:
        table, is_it = _row(connection, scope)
        still = table.c.settings.op("->")(literal(SHARE)) == literal(share, JSONB())
        found = connection.execute(select(table.c.spam_threshold).where(is_it, still).with_for_update()).one_or_none()
        if found is not None and found.spam_threshold != threshold:
            connection.execute(update(table).where(is_it).values(spam_threshold=threshold))


def ham_scores(engine: Engine, scope: Scope) -> tuple[float, ...]:
    """Scores of an account's or a domain's newest mail outside of Junk and Trash, rising."""
    with transaction(engine) as connection:
        joined = message.join(
            content, (content.c.account_id == message.c.account_id) & (content.c.id == message.c.content_id)
        ).join(mailbox, (mailbox.c.account_id == message.c.account_id) & (mailbox.c.id == message.c.mailbox_id))
        kept = mailbox.c.role.is_(None) | mailbox.c.role.not_in(_NO_HAM)
        statement = (
            select(content.c.spam_score)
            .select_from(joined)
            .where(message.c.account_id.in_(_whose(connection, scope)), content.c.spam_score.is_not(None), kept)
            .order_by(content.c.id.desc())
            .limit(MOST_SCORES)
        )
        return tuple(sorted(connection.scalars(statement)))


def _whose(connection: Connection, scope: Scope) -> ScalarSelect[int] | tuple[int, ...]:
    owner = owner_of(connection, scope)
    if scope.account is not None:
        return (owner["account_id"],)
    own = (address.c.kind == AddressKind.ACCOUNT, address.c.domain == owner["domain"])
    return select(address.c.account_id).where(*own).scalar_subquery()


def _row(connection: Connection, scope: Scope) -> tuple[Table, Any]:
    """Where an account's or a domain's settings stand."""
    owner = owner_of(connection, scope)
    if scope.account is not None:
        return account, account.c.id == owner["account_id"]
    return domain, domain.c.name == owner["domain"]
