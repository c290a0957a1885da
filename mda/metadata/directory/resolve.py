"""Who an address belongs to: the one place that may prove that nobody is there.

Offers `Directory`, which owns one direct connection (never through a transaction pooler: it prepares its statement)
and belongs to one thread. `Directory.resolve`: many addresses, one round trip, always a fresh answer of the
primary. An address is looked up as it is, then without its detail (`user+detail`, the delimiter settable), then as
its domain's catch-all; an aliased domain is first replaced by its target. What is found is returned for every
account it names, disabled ones too: whether to refuse is the caller's to decide.

UNKNOWN_RECIPIENT (permanent) is answered only for a domain that is ours and has at least one address; any other
domain is DOMAIN_NOT_CONFIGURED (temporary): a lost table or a wrong database must not bounce mail. Nothing is cached.
What goes wrong is DatabaseUnavailable; a connection that was lost while nobody looked is replaced without a word.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby

import msgspec
import psycopg2

from mda.address import Address, domain_key, local_key
from mda.causes import Cause
from mda.errors import DatabaseUnavailable, InvalidValue
from mda.metadata.delivery.delivery_row import storable
from mda.metadata.directory.resolve_statement import EXECUTE_RESOLVE, SESSION, DirectoryRow
from mda.metadata.postgresql.array_literal import array_literal
from mda.metadata.postgresql.direct_connection import DirectConnection
from mda.metadata.postgresql.trouble import unavailable
from mda.metadata.schema.words import PolicyAction, PolicySubject
from mda.settings import Database

APPLICATION = "mda-directory"
DEFAULT_DELIMITER = "+"
INBOX = "INBOX"
MAILBOX_SEPARATOR = "/"
MAX_DEPTH = 20
"""Of a mailbox named by a detail; deeper ones are taken as not there."""


class PolicyRule(msgspec.Struct, frozen=True):
    """What is asked for mail of this sender; `pattern` is an address or a domain in the form of its key."""

    subject: PolicySubject
    action: PolicyAction
    pattern: str


class DomainUsage(msgspec.Struct, frozen=True):
    """What the accounts of a domain may use together, and use, as it was counted last."""

    quota_bytes: int | None
    quota_messages: int | None
    grace_percent: int | None
    """None: that of the settings."""
    used_bytes: int
    used_messages: int
    is_fresh: bool
    """Counted lately: a sender may be told for good that it is full."""


class Target(msgspec.Struct):
    """One account that an address leads to, with what a delivery to it must know."""

    account_id: int
    address: str
    """The account's own, RFC 5321 form."""
    shard_id: int
    is_enabled: bool
    quota_bytes: int | None
    quota_messages: int | None
    used_bytes: int
    used_messages: int
    detail: str
    """As it was given; empty where the address was found whole."""
    detail_mailbox_id: int | None
    """Of the mailbox that the detail names, if there is one."""
    spam_threshold: float | None
    """None: that of the settings."""
    keeps_spam: bool = False
    """Spam stays in the INBOX, with its mark."""
    user_weights: bytes | None = None
    """What the account's marks have taught, as `mda.antispam.personal` packs it."""
    policies: tuple[PolicyRule, ...] = ()
    """The account's own first, then its domain's, then everybody's."""
    policies_until: int = 0
    """Second of Unix time at which the first of them ends; 0: none does."""
    replica_shard_id: int | None = None
    """Where its bodies lie a second time; None: nowhere."""
    warn_percent: int | None = None
    """Of its quota, as is `grace_percent`; None: that of the settings."""
    grace_percent: int | None = None
    warned_at: datetime | None = None
    """When it was seen to reach its soft limit; None: it has not, or fell below."""
    domain: DomainUsage | None = None
    """None: its domain has no quota."""
    modseq: int = 0
    """Of the account, as of `used_bytes` and `used_messages`."""
    is_outdated: bool = False
    """Its use of its quota is no longer known: look it up anew."""

    @property
    def has_quota(self) -> bool:
        return self.quota_bytes is not None or self.quota_messages is not None or self.warned_at is not None

    def stored(self, octets: int, modseq: int) -> None:
        """Counts a new message of so many octets, whose row has this modseq; whatever another has done to the account
        shows by a gap before it."""
        if self.has_quota:
            self.used_bytes += octets
            self.used_messages += 1
            self.is_outdated = self.is_outdated or modseq != self.modseq + 1
            self.modseq = modseq


class Resolved(msgspec.Struct, frozen=True):
    """At least one target, in order of account id."""

    targets: tuple[Target, ...]


class _Question(msgspec.Struct, frozen=True):
    """An address as the statement takes it."""

    domain: str
    local_part: str
    base: str
    """The local part without its detail; empty where it has none."""
    detail: str

    @property
    def path(self) -> str:
        """The detail as a mailbox's path: names are compared as they are, INBOX alone without case
        (RFC 9051 s5.1)."""
        first, separator, rest = unicodedata.normalize("NFC", self.detail).partition(MAILBOX_SEPARATOR)
        if separator + rest and (separator + rest).count(MAILBOX_SEPARATOR) >= MAX_DEPTH:
            return ""
        return (INBOX if first.upper() == INBOX else first) + separator + rest


class Directory:
    """Resolves addresses; after trouble the next `resolve` reconnects by itself."""

    def __init__(self, url: str, limits: Database | None = None, recipient_delimiter: str = DEFAULT_DELIMITER) -> None:
        self._connection = DirectConnection(url, limits or Database(), APPLICATION, SESSION)
        self._delimiter = recipient_delimiter

    def resolve(self, addresses: Sequence[Address]) -> tuple[Resolved | Cause, ...]:
        """One answer per address, in order. DatabaseUnavailable where no fresh answer of the primary is to be had."""
        if not addresses:
            return ()
        questions = {place: self._question(address) for place, address in enumerate(addresses)}
        asked = {place: question for place, question in questions.items() if question is not None}
        answers: list[Resolved | Cause] = [Cause.DOMAIN_NOT_CONFIGURED] * len(addresses)
        for place, rows in groupby(self._ask(asked), key=lambda row: row.place):
            answers[place] = _answer(tuple(rows), asked[place])
        return tuple(answers)

    def close(self) -> None:
        """Ends the connection; a later `resolve` opens another."""
        self._connection.close()

    def _question(self, address: Address) -> _Question | None:
        """None for what is no domain name: that can't be one of ours."""
        try:
            domain = domain_key(address.domain)
        except InvalidValue:
            return None
        base, delimiter, detail = self._split(storable(address.local_part))
        if not delimiter or not base:
            base = detail = ""
        return _Question(domain, local_key(storable(address.local_part)), local_key(base), detail)

    def _split(self, local_part: str) -> tuple[str, str, str]:
        return local_part.partition(self._delimiter) if self._delimiter else (local_part, "", "")

    def _ask(self, asked: Mapping[int, _Question]) -> Sequence[DirectoryRow]:
        if not asked:
            return ()
        questions = asked.values()
        rows = self._read(
            array_literal(asked),
            array_literal(question.domain for question in questions),
            array_literal(question.local_part for question in questions),
            array_literal(question.base for question in questions),
            array_literal(question.path for question in questions),
        )
        if any(row.is_standby for row in rows):
            self.close()  # the URL may lead elsewhere next time
            raise DatabaseUnavailable("the database is a standby", "point database.url at the primary")
        return rows

    def _read(self, *parameters: str, may_repeat: bool = True) -> Sequence[DirectoryRow]:
        connection = self._connection.open()
        try:
            with self._connection.asking() as cursor:
                cursor.execute(EXECUTE_RESOLVE, parameters)
                return [DirectoryRow._make(row) for row in cursor.fetchall()]
        except psycopg2.Error as error:
            is_lost = bool(connection.closed)
            self.close()  # whatever it is (a failover, a changed schema), the next call starts afresh
            if not (is_lost and may_repeat):
                raise unavailable(error) from error
        return self._read(*parameters, may_repeat=False)  # reading twice does no harm


def _answer(rows: Sequence[DirectoryRow], question: _Question) -> Resolved | Cause:
    first = rows[0]
    if not first.is_found:
        return Cause.UNKNOWN_RECIPIENT if first.has_addresses else Cause.DOMAIN_NOT_CONFIGURED
    if not all(row.has_state for row in rows):  # ours to mend
        return Cause.INTERNAL_ERROR
    return Resolved(tuple(_target(row, question) for row in rows))


def _target(row: DirectoryRow, question: _Question) -> Target:
    policies, policies_until = _rules(tuple(row.policies or ()))
    return Target(
        account_id=row.account_id,
        address=row.address,
        shard_id=row.shard_id,
        is_enabled=row.is_enabled,
        quota_bytes=row.quota_bytes,
        quota_messages=row.quota_messages,
        used_bytes=row.used_bytes,
        used_messages=row.used_messages,
        detail=question.detail if row.by_base else "",
        detail_mailbox_id=row.detail_mailbox_id,
        spam_threshold=row.spam_threshold,
        keeps_spam=row.spam_destination == INBOX.lower(),
        user_weights=None if row.user_weights is None else bytes(row.user_weights),
        policies=policies,
        policies_until=policies_until,
        replica_shard_id=row.replica_shard_id,
        warn_percent=row.warn_percent,
        grace_percent=row.grace_percent,
        warned_at=row.warned_at,
        domain=None if row.domain_quota is None else _domain(row.domain_quota),
        modseq=row.modseq,
    )


def _domain(counted: Sequence[int | None]) -> DomainUsage:
    quota_bytes, quota_messages, grace_percent, used_bytes, used_messages, is_fresh = counted
    return DomainUsage(
        quota_bytes, quota_messages, grace_percent, used_bytes or 0, used_messages or 0, is_fresh=bool(is_fresh)
    )


@lru_cache(1_000)
def _rules(texts: tuple[str, ...]) -> tuple[tuple[PolicyRule, ...], int]:
    """The rules, and `Target.policies_until`; most accounts have the same ones."""
    pieces = [text.split(" ", 3) for text in texts]
    ends = [int(ends_at) for _, _, ends_at, _ in pieces]
    rules = (
        PolicyRule(PolicySubject(subject), PolicyAction(action), pattern) for subject, action, _, pattern in pieces
    )
    return tuple(rules), min(filter(None, ends), default=0)
