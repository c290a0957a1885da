"""LMTP command lines as values (RFC 2033, RFC 5321 s4.1.1, Postfix's XFORWARD).

`parse` takes a line without its CRLF and returns one frozen command; what can't be read is an `Invalid` with the
reply that says so. Pure: whether a command may stand here is the session's question.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from mda.causes import Reply
from mda.envelope import Recipient
from mda.errors import InvalidValue
from mda.servers.lmtp import parameters, path, replies, xtext

XFORWARD_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the server's settings and the peer change in the language. `hostname` is where a bare `<postmaster>` is."""

    hostname: str
    announces_dsn: bool = False
    takes_orcpt: bool = False
    """ORCPT without the rest of DSN, announced as XORCPT: see `session`."""


class Lhlo(msgspec.Struct, frozen=True):
    name: str


class Mail(msgspec.Struct, frozen=True):
    reverse_path: str
    parameters: parameters.MailParameters


class Rcpt(msgspec.Struct, frozen=True):
    recipient: Recipient


class Xforward(msgspec.Struct, frozen=True):
    """Attribute names in upper case with decoded values; an unavailable value is empty."""

    attributes: tuple[tuple[str, str], ...]


class Data(msgspec.Struct, frozen=True):
    """DATA."""


class Rset(msgspec.Struct, frozen=True):
    """RSET."""


class Noop(msgspec.Struct, frozen=True):
    """NOOP, with or without an argument."""


class Vrfy(msgspec.Struct, frozen=True):
    """VRFY; who is asked for does not matter, as the answer is always the same."""


class Help(msgspec.Struct, frozen=True):
    """HELP, with or without an argument."""


class Quit(msgspec.Struct, frozen=True):
    """QUIT."""


class Invalid(msgspec.Struct, frozen=True):
    """What was refused. `is_fatal`: the peer speaks something else, and what follows must not be read as LMTP."""

    reply: Reply
    is_fatal: bool = False


Command: TypeAlias = Lhlo | Mail | Rcpt | Xforward | Data | Rset | Noop | Vrfy | Help | Quit | Invalid

_UNKNOWN_VALUES = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[^\x00-\x20\x7f-\x9f]{1,255}\Z")

# A browser can be made to POST to a loopback port, with LMTP commands in the body. A message chunk behind BDAT
# (which nobody may send, as CHUNKING is not announced) must not be read as commands either.
_FOREIGN = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE", "BDAT"})
_UNIMPLEMENTED = frozenset({"EXPN", "TURN", "SEND", "SOML", "SAML", "ETRN", "AUTH", "STARTTLS", "XCLIENT"})


def parse(line: bytes, dialect: Dialect) -> Command:
    """The command in `line`; trailing spaces are dropped (RFC 5321 s4.1.1)."""
    if _CONTROL.search(line):
        return Invalid(replies.CONTROL_CHARACTER)
    verb, _, argument = _decoded(line).rstrip(" ").partition(" ")
    parser = _PARSERS.get(verb.upper())
    return parser(argument, dialect) if parser else _unknown(verb.upper())


def _decoded(line: bytes) -> str:
    """QUIRK: Postfix without SMTPUTF8 takes 8-bit addresses in any charset and hands them on (RFC 6531 wants UTF-8).
    Refusing a sender for that would bounce its mail, to that very address; it is read as windows-1252."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("windows-1252", "replace")


def _unknown(verb: str) -> Invalid:
    if verb in _FOREIGN:
        return Invalid(replies.NOT_IMPLEMENTED, is_fatal=True)
    return Invalid(replies.NOT_IMPLEMENTED if verb in _UNIMPLEMENTED else replies.UNKNOWN_COMMAND)


def _lhlo(argument: str, _: Dialect) -> Command:
    return Lhlo(argument) if _NAME.match(argument) else Invalid(replies.BAD_NAME)


def _helo(_argument: str, _: Dialect) -> Command:
    # RFC 2033 s4.1: an LMTP server must refuse HELO and EHLO with a 500.
    return Invalid(replies.NOT_SMTP)


def _mail(argument: str, dialect: Dialect) -> Command:
    if argument[:5].upper() != "FROM:":
        return Invalid(replies.BAD_MAIL)
    try:
        split = path.split(argument[5:])
        reverse_path = path.read_reverse_path(split.mailbox)
    except InvalidValue:
        return Invalid(replies.BAD_SENDER)
    read = parameters.read_mail(split.parameters, dialect.announces_dsn)
    return Invalid(read) if isinstance(read, Reply) else Mail(reverse_path, read)


def _rcpt(argument: str, dialect: Dialect) -> Command:
    if argument[:3].upper() != "TO:":
        return Invalid(replies.BAD_RCPT)
    try:
        split = path.split(argument[3:])
        address = path.read_recipient(split.mailbox, dialect.hostname)
    except InvalidValue:
        return Invalid(replies.BAD_RECIPIENT)
    original = parameters.read_rcpt(split.parameters, _rcpt_parameters(dialect))
    return Invalid(original) if isinstance(original, Reply) else Rcpt(Recipient(address, original))


def _rcpt_parameters(dialect: Dialect) -> frozenset[str]:
    if dialect.announces_dsn:
        return parameters.RCPT_DSN
    return parameters.RCPT_ORCPT if dialect.takes_orcpt else frozenset()


def _xforward(argument: str, _: Dialect) -> Command:
    attributes = []
    try:
        for word in filter(None, argument.split(" ")):
            name, equals, encoded = word.partition("=")
            name = name.upper()
            if not equals or name not in XFORWARD_ATTRIBUTES:
                return Invalid(replies.BAD_XFORWARD)
            is_unknown = encoded[:1] == "[" and encoded.upper() in _UNKNOWN_VALUES
            attributes.append((name, "" if is_unknown else xtext.decode(encoded)))
    except InvalidValue:
        return Invalid(replies.BAD_XFORWARD)
    return Xforward(tuple(attributes)) if attributes else Invalid(replies.BAD_XFORWARD)


def _vrfy(argument: str, _: Dialect) -> Command:
    return Vrfy() if argument else Invalid(replies.NEEDS_ARGUMENT)


def _bare(command: Command) -> "_Parser":
    return lambda argument, _: Invalid(replies.NO_ARGUMENT) if argument else command


_Parser: TypeAlias = Callable[[str, Dialect], Command]

_PARSERS: dict[str, _Parser] = {
    "LHLO": _lhlo,
    "HELO": _helo,
    "EHLO": _helo,
    "MAIL": _mail,
    "RCPT": _rcpt,
    "XFORWARD": _xforward,
    "VRFY": _vrfy,
    "DATA": _bare(Data()),
    "RSET": _bare(Rset()),
    "QUIT": _bare(Quit()),
    "NOOP": lambda _argument, _: Noop(),
    "HELP": lambda _argument, _: Help(),
}
