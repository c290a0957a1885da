"""The rules on senders, as they are listed; without SQLAlchemy (`mda.metadata.directory.listings` says why)."""

from dataclasses import dataclass
from datetime import datetime

from mda.metadata.postgresql.reading import Reader
from mda.metadata.schema.words import PolicyAction, PolicySubject

RULES = """
SELECT coalesce(account.address, policy.domain, '') AS whose, policy.action, policy.subject, policy.pattern,
    policy.created_at
FROM policy LEFT JOIN account ON account.id = policy.account_id
ORDER BY account.address NULLS FIRST, policy.domain NULLS FIRST, policy.pattern
"""

ACTIONS = {PolicyAction.ACCEPT: "allow", PolicyAction.JUNK: "block", PolicyAction.REJECT: "block"}
"""How people call them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`whose` is an address, a domain, or empty for everybody's."""

    whose: str
    action: PolicyAction
    subject: PolicySubject
    pattern: str
    created_at: datetime


def list_all(reader: Reader) -> tuple[Rule, ...]:
    """Every rule, everybody's first."""
    return tuple(
        Rule(row.whose, PolicyAction(row.action), PolicySubject(row.subject), row.pattern, row.created_at)
        for row in reader.rows(RULES)
    )
