"""Paths of MAIL and RCPT (RFC 5321 s4.1.2): `<...>` with quoted strings, source routes and address literals.

Offers `split`, which finds the path and what stands behind it, and the readings of its content as a reverse-path or
a recipient. InvalidValue for what can't be read.
"""

import re
from functools import lru_cache

import msgspec

from mda.address import MAX_DOMAIN, MAX_LOCAL_PART, Address, parse
from mda.envelope import NULL_REVERSE_PATH
from mda.errors import InvalidValue

_REMEMBERED = 4096
"""Addresses, each no longer than a command line."""

_parse = lru_cache(_REMEMBERED)(parse)

MAX_MAILBOX = 2 * MAX_LOCAL_PART + 2 + 1 + MAX_DOMAIN
"""Octets of a reverse-path: every character of the local part escaped, quotes, at sign, domain."""

# The source route (RFC 5321 appendix C: accepted and ignored), the mailbox, and the parameters behind.
_PATH = re.compile(r' *<(?:@[^<>": ]*:)?((?:"(?:[^"\\]|\\.)*"|[^<>" ])*)>( .*)?\Z')


class Split(msgspec.Struct, frozen=True):
    """`mailbox` is what stands between the angle brackets without its source route."""

    mailbox: str
    parameters: str


def split(argument: str) -> Split:
    """`<path> PARAMETERS` cut in two. QUIRK: a space before `<` is let through, as many clients send one."""
    match = _PATH.match(argument)
    if not match:
        raise InvalidValue("not a path")
    return Split(match[1], match[2] or "")


def read_reverse_path(mailbox: str) -> str:
    """The reverse-path in RFC 5321 form, or NULL_REVERSE_PATH.

    QUIRK: a sender that our own address rules would not have (a domain that is no IDNA2008 name, no domain at all)
    was accepted by Postfix. It is never looked up, only kept and shown: refusing it would bounce mail for nothing.
    """
    if not mailbox:
        return NULL_REVERSE_PATH
    if len(mailbox.encode()) > MAX_MAILBOX:
        raise InvalidValue("reverse-path is too long")
    try:
        return str(_parse(mailbox))
    except InvalidValue:
        return mailbox


@lru_cache(_REMEMBERED)
def reverse_path_of(raw: bytes) -> str:
    """As `read_reverse_path`, of a path that csrc/lmtp/command.c found plain: ASCII, and never too long."""
    return read_reverse_path(raw.decode("ascii"))


def read_recipient(mailbox: str, hostname: str) -> Address:
    """The forward-path's address. `postmaster` alone is the one at this host (RFC 5321 s4.1.1.3)."""
    if mailbox.lower() == "postmaster":
        return Address(mailbox, hostname)
    return _parse(mailbox)
