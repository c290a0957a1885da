"""One LMTP session as a state machine (RFC 2033): commands in, effects out, no I/O.

    take(command)            -> Say | Resolve | Collect
    resolved(...)            -> Say            the outcome of a Resolve, in the order of the RCPTs
    collected()              -> Deliver        DATA has ended
    delivered(replies)       -> Say            one reply per accepted recipient, else the connection is closed
    not_delivered(cause)     -> Say            the same, all alike

It does not know time, bytes, or what a recipient is: those are the protocol's and the deliverer's.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from mda.causes import Cause, Reply
from mda.envelope import Envelope, Peer, Recipient
from mda.servers.lmtp import replies
from mda.servers.lmtp.command import (
    XFORWARD_ATTRIBUTES,
    Command,
    Data,
    Help,
    Invalid,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    Vrfy,
    Xforward,
)
from mda.servers.lmtp.deliverer import Accepted


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings decide about a session."""

    hostname: str
    message_bytes: int
    recipients: int
    errors: int
    announces_dsn: bool


class Say(msgspec.Struct, frozen=True):
    """Reply lines to send; then, with `closes`, the connection is to be closed."""

    raw: bytes
    closes: bool = False


class Resolve(msgspec.Struct, frozen=True):
    """Ask the deliverer; the outcome goes to `Session.resolved`."""

    recipient: Recipient
    reverse_path: str
    size: int


class Collect(msgspec.Struct, frozen=True):
    """Send `raw` (354) and take the message."""

    raw: bytes


class Deliver(msgspec.Struct, frozen=True):
    envelope: Envelope
    accepted: tuple[Accepted, ...]


Effect: TypeAlias = Say | Resolve | Collect


class _Transaction(msgspec.Struct):
    mail: Mail
    recipients: list[Recipient] = msgspec.field(default_factory=list)
    accepted: list[Accepted] = msgspec.field(default_factory=list)
    asked: int = 0
    """RCPTs whose outcome is not known yet."""


class Session:
    """The state between the first byte and the last.

    With `is_leaving` RSET is answered 421: Postfix asks by RSET whether an idle connection is still good before it uses
    it again. Behind a message the front says yes by itself while nobody leaves, as nothing is left to be reset. Where
    else a server that leaves may end a session is the front's to know too (csrc/lmtp/connection.h).
    """

    def __init__(self, rules: Rules, *, is_trusted: bool) -> None:
        self._rules = rules
        self._peer = Peer(is_trusted=is_trusted)
        self._transaction: _Transaction | None = None
        self._errors = 0
        self.is_leaving = False

    @property
    def has_begun(self) -> bool:
        return bool(self._peer.name)

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def is_in_transaction(self) -> bool:
        return self._transaction is not None

    @property
    def accepted_count(self) -> int:
        return len(self._transaction.accepted) if self._transaction else 0

    @property
    def may_be_full(self) -> bool:
        """Whether one more RCPT can be judged only when the outcomes of those asked about are known."""
        open_one = self._transaction
        return open_one is not None and len(open_one.accepted) + open_one.asked >= self._rules.recipients

    def take(self, command: Command) -> Effect:
        match command:
            case Lhlo(name):
                return self._lhlo(name)
            case Mail():
                return self._mail(command)
            case Rcpt(recipient):
                return self._rcpt(recipient)
            case Data():
                return self._data()
            case Xforward(attributes):
                return self._xforward(attributes)
            case Rset():
                self._end_transaction()
                return Say(replies.encode(replies.LEAVING), closes=True) if self.is_leaving else _say(replies.OK)
            case Quit():
                return Say(replies.encode(replies.BYE), closes=True)
            case Invalid(reply, is_fatal):
                return Say(replies.encode(reply), closes=True) if is_fatal else self.error(reply)
            case Noop():
                return _say(replies.OK)
            case Vrfy():
                return _say(replies.CANNOT_VERIFY)
            case Help():
                return Say(replies.encode_lines(214, ("2.0.0 LHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT",)))

    def error(self, reply: Reply) -> Say:
        """A refused command; one too many ends the session."""
        self._errors += 1
        if self._errors >= self._rules.errors:
            return Say(replies.encode(replies.TOO_MANY_ERRORS), closes=True)
        return _say(reply)

    def resolved(self, recipient: Recipient, outcome: Accepted | Cause) -> Say:
        transaction = self._open()
        transaction.asked -= 1
        if isinstance(outcome, Cause):
            return _say(outcome.reply)
        transaction.recipients.append(recipient)
        transaction.accepted.append(outcome)
        return _say(replies.RECIPIENT_OK)

    def collected(self) -> Deliver:
        transaction = self._open()
        mail = transaction.mail
        envelope = Envelope(mail.reverse_path, tuple(transaction.recipients), self._peer, mail.parameters.is_smtputf8)
        return Deliver(envelope, tuple(transaction.accepted))

    def delivered(self, outcomes: tuple[Reply, ...]) -> Say:
        """RFC 2033 s4.2: exactly one reply per accepted recipient. A deliverer that breaks this is not believed:
        without any reply the whole message stays in the peer's queue, where a wrong row of them would lose mail."""
        expected = len(self._open().accepted)
        self._end_transaction()
        return final(outcomes, expected)

    def not_delivered(self, cause: Cause) -> Say:
        return self.delivered((cause.reply,) * len(self._open().accepted))

    def passing(self) -> Peer:
        """Who brings a message whose transaction has been answered elsewhere: that has ended now."""
        peer = self._peer
        if self._transaction is not None:
            raise AssertionError("a transaction is open")
        if peer.queue_id or peer.client_address or peer.client_name or peer.helo or peer.protocol:
            self._end_transaction()
        return peer

    def _lhlo(self, name: str) -> Say:
        # RFC 5321 s4.1.4: a second greeting resets the transaction, as RSET does.
        self._end_transaction()
        self._peer = Peer(name=name, is_trusted=self._peer.is_trusted)
        return Say(hello(self._rules, is_trusted=self._peer.is_trusted))

    def _mail(self, mail: Mail) -> Say:
        if not self.has_begun:
            return self.error(replies.LHLO_FIRST)
        if self._transaction:
            return self.error(replies.NESTED_MAIL)
        if mail.parameters.size > self._rules.message_bytes:
            return _say(Cause.MESSAGE_TOO_LARGE.reply)
        self._transaction = _Transaction(mail)
        return _say(replies.SENDER_OK)

    def _rcpt(self, recipient: Recipient) -> Effect:
        transaction = self._transaction
        if transaction is None:
            return self.error(replies.MAIL_FIRST if self.has_begun else replies.LHLO_FIRST)
        if self.may_be_full:
            return _say(Cause.TOO_MANY_RECIPIENTS.reply)
        transaction.asked += 1
        return Resolve(recipient, transaction.mail.reverse_path, transaction.mail.parameters.size)

    def _data(self) -> Effect:
        transaction = self._transaction
        if transaction is None:
            return self.error(replies.MAIL_FIRST if self.has_begun else replies.LHLO_FIRST)
        if not transaction.accepted:
            # RFC 2033 s4.2: with no recipient accepted, DATA must be answered 503.
            return _say(replies.NO_RECIPIENTS)
        return Collect(replies.START_MAIL)

    def _xforward(self, attributes: tuple[tuple[str, str], ...]) -> Say:
        if not self._peer.is_trusted:
            return self.error(replies.XFORWARD_REFUSED)
        if self._transaction:
            return self.error(replies.NESTED_MAIL)
        values, peer = dict(attributes), self._peer
        self._peer = replace(
            peer,
            queue_id=values.get("IDENT", peer.queue_id),
            client_name=values.get("NAME", peer.client_name),
            client_address=values.get("ADDR", peer.client_address),
            helo=values.get("HELO", peer.helo),
            protocol=values.get("PROTO", peer.protocol),
        )
        return _say(replies.OK)

    def _end_transaction(self) -> None:
        """XFORWARD attributes hold for one transaction, as in Postfix's own server."""
        self._transaction = None
        self._peer = Peer(name=self._peer.name, is_trusted=self._peer.is_trusted)

    def _open(self) -> _Transaction:
        if self._transaction is None:
            raise AssertionError("no transaction is open")
        return self._transaction


def greeting(rules: Rules) -> bytes:
    """What a session begins with."""
    return replies.encode_lines(220, (f"{rules.hostname} LMTP",))


def hello(rules: Rules, *, is_trusted: bool) -> bytes:
    """The reply to LHLO, with the extensions."""
    always = ("PIPELINING", f"SIZE {rules.message_bytes}", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8")
    dsn = ("DSN",) if rules.announces_dsn else ()
    # XORCPT is between mda-pipe and us (RFC 5321 s4.1.1.1 keeps the X for that): ORCPT of RFC 3461, but none of its
    # notices. Postfix's LMTP client takes no notice of it; told DSN, it would leave success reports to us.
    trusted = (" ".join(("XFORWARD", *XFORWARD_ATTRIBUTES)), "XORCPT") if is_trusted else ()
    return replies.encode_lines(250, (rules.hostname, *always, *dsn, *trusted))


def final(outcomes: tuple[Reply, ...], expected: int) -> Say:
    """What is said of a message's outcomes: see `Session.delivered`."""
    if len(outcomes) != expected or not all(map(replies.is_final, outcomes)):
        return Say(b"", closes=True)
    return Say(b"".join(map(replies.encode, outcomes)))


@lru_cache(100)
def _say(reply: Reply) -> Say:
    return Say(replies.encode(reply))
