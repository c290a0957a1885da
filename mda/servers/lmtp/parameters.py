"""The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), DSN (RFC 3461).

Pure: text in, frozen values or the refusing reply out. BODY, NOTIFY, RET and ENVID are checked and then dropped:
every body is kept as it is, and delivery reports are Postfix's work.
"""

import re

import msgspec

from mda.causes import Reply
from mda.errors import InvalidValue
from mda.servers.lmtp import replies, xtext

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^= ]+))?\Z")
_SIZE = re.compile(r"[0-9]{1,20}\Z")
_NOTIFY = re.compile(r"(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)\Z")

_MAIL = frozenset({"SIZE", "BODY", "SMTPUTF8"})
_MAIL_DSN = frozenset({"RET", "ENVID"})
RCPT_ORCPT = frozenset({"ORCPT"})
RCPT_DSN = frozenset({"ORCPT", "NOTIFY"})


class Parameter(msgspec.Struct, frozen=True):
    """`name` in upper case; `value` empty where none was given."""

    name: str
    value: str


class MailParameters(msgspec.Struct, frozen=True):
    """`size` in octets as the client says, 0 for unknown."""

    size: int = 0
    is_smtputf8: bool = False


def read_mail(text: str, announces_dsn: bool) -> MailParameters | Reply:
    parameters = _split(text, _MAIL | _MAIL_DSN if announces_dsn else _MAIL)
    if isinstance(parameters, Reply):
        return parameters
    if not all(_is_good_mail(parameter) for parameter in parameters):
        return replies.BAD_PARAMETER
    values = {parameter.name: parameter.value for parameter in parameters}
    return MailParameters(int(values.get("SIZE", 0)), "SMTPUTF8" in values)


def read_rcpt(text: str, known: frozenset[str]) -> str | Reply:
    """The original recipient in ORCPT, empty without one. `known`: the parameters that this peer may use."""
    parameters = _split(text, known)
    if isinstance(parameters, Reply):
        return parameters
    values = {parameter.name: parameter.value for parameter in parameters}
    if not _NOTIFY.match(values.get("NOTIFY", "NEVER").upper()):
        return replies.BAD_PARAMETER
    try:
        return xtext.decode_original_recipient(values["ORCPT"]) if "ORCPT" in values else ""
    except InvalidValue:
        return replies.BAD_PARAMETER


def _split(text: str, known: frozenset[str]) -> tuple[Parameter, ...] | Reply:
    matches = [_PARAMETER.match(word) for word in text.split(" ") if word]
    found = [match for match in matches if match]
    names = [match[1].upper() for match in found]
    if len(found) != len(matches) or len(set(names)) != len(names):
        return replies.BAD_PARAMETER
    if not known.issuperset(names):
        return replies.UNKNOWN_PARAMETER
    return tuple(Parameter(name, match[2] or "") for name, match in zip(names, found, strict=True))


def _is_good_mail(parameter: Parameter) -> bool:
    match parameter.name:
        case "SIZE":
            return bool(_SIZE.match(parameter.value))
        case "BODY":
            return parameter.value.upper() in ("7BIT", "8BITMIME")
        case "SMTPUTF8":
            return not parameter.value
        case "RET":
            return parameter.value.upper() in ("FULL", "HDRS")
    return _is_xtext(parameter.value)


def _is_xtext(value: str) -> bool:
    try:
        return bool(xtext.decode(value))
    except InvalidValue:
        return False
