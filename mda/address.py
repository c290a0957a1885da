"""Mail addresses as RFC 5321 and RFC 6531 envelopes carry them, and the keys under which the directory knows them.

Offers `Address` (local part unquoted, domain as given), parsing of the bare form `local@domain` and formatting back
with the quoting that RFC 5321 s4.1.2 asks for. It does not parse header fields (that is `mda.mime`), and it takes
no source routes or angle brackets (those are the LMTP command parser's).
"""

import re
import unicodedata
from functools import lru_cache

import msgspec

from mda.errors import InvalidValue

MAX_LOCAL_PART = 256
"""Octets of UTF-8. RFC 5321 s4.5.3.1.1 promises 64; real mail (VERP, SRS) goes beyond, Postfix lets it."""

MAX_DOMAIN = 255
"""Octets, RFC 5321 s4.5.3.1.2."""

_ATEXT = r"""[^\x00-\x20"(),.:;<>@\[\\\]\x7f]"""
"""RFC 5322 s3.2.3 and RFC 6531 s3.3, by what is left out: a class that reaches to U+10FFFF takes 6 ms to compile."""
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*\Z")
_CONTROL = r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]"
_NOT_UTF8 = r"[\ud800-\udfff]"
_DOMAIN_LITERAL = re.compile(r"\[[\x21-\x5a\x5e-\x7e]+\]\Z")
_ASCII_DOMAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?\Z")


class Address(msgspec.Struct, frozen=True):
    """`local_part` without quotes or escapes; `domain` as it was given (a name, a U-label name or a [literal])."""

    local_part: str
    domain: str

    def __str__(self) -> str:
        """The RFC 5321 mailbox form, quoted where needed: parses back to the same address."""
        return f"{quote_local_part(self.local_part)}@{self.domain}"

    @property
    def key(self) -> "Address":
        """The form in which addresses are compared and kept in the directory: see `local_key` and `domain_key`."""
        return Address(local_key(self.local_part), domain_key(self.domain))


def parse(text: str) -> Address:
    """The address in `text`, whose local part may be a dot-string or a quoted string (RFC 5321 s4.1.2)."""
    if not text.isprintable():  # seldom: the patterns are compiled for those that need them
        if re.search(_CONTROL, text):
            raise InvalidValue("address holds a control character", "remove it")
        if re.search(_NOT_UTF8, text):
            raise InvalidValue("address is not in UTF-8", "write it in UTF-8")
    local, at, domain = text.rpartition("@")
    if not at or not local:
        raise InvalidValue(f"not an address: {text!r}", "write it as local-part@domain")
    if local.startswith('"'):
        local = _unquote(local, text)
    elif not _DOT_STRING.match(local):
        raise InvalidValue(f"local part of {text!r} needs quotes", 'write it as "local part"@domain')
    if len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL_PART:
        raise InvalidValue(f"local part is longer than {MAX_LOCAL_PART} octets")
    domain_key(domain)
    return Address(local, domain)


def local_key(local_part: str) -> str:
    """How local parts are matched here: NFC (RFC 6532 s3.1) and without case, as every large provider does."""
    if local_part.isascii():
        return local_part.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", local_part).casefold())


@lru_cache(4096)
def domain_key(domain: str) -> str:
    """The A-label form in lower case (RFC 5890 s2.3.2.1): `Bücher.Example` -> `xn--bcher-kva.example`.

    A trailing dot is dropped; an address literal is returned in lower case. InvalidValue for anything else.
    """
    name = domain.removesuffix(".")
    if name.startswith("["):
        if not _DOMAIN_LITERAL.match(name):
            raise InvalidValue(f"not a domain literal: {domain!r}")
        return name.lower()
    if not name.isascii():
        import idna  # noqa: PLC0415 - most domains are done before it is imported

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise InvalidValue(f"not a domain name: {domain!r}", str(error)) from error
    if not _ASCII_DOMAIN.match(name) or ".." in name or len(name) > MAX_DOMAIN:
        raise InvalidValue(f"not a domain name: {domain!r}")
    return name.lower()


def quote_local_part(local_part: str) -> str:
    """The local part as a dot-string where it is one, else as a quoted string (RFC 5321 s4.1.2)."""
    if _DOT_STRING.match(local_part):
        return local_part
    escaped = local_part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquote(quoted: str, whole: str) -> str:
    content = quoted[1:-1]
    unescaped = re.sub(r"\\(.)", r"\1", content)
    if len(quoted) < 2 or not quoted.endswith('"') or re.search(r'(?<!\\)(?:\\\\)*"', content):
        raise InvalidValue(f"quoted local part of {whole!r} is not closed or holds a bare quote")
    if re.search(r"(?<!\\)(?:\\\\)*\\\Z", content):
        raise InvalidValue(f"quoted local part of {whole!r} ends in a lone backslash")
    return unescaped
