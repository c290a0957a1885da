"""Authentication-Results of our own milter (RFC 8601): is the author's domain proven?

Anyone can write such a field, so one is believed only where it names our authserv-id and stands above the first
Received, where only what runs beside Postfix on this host can have put it; or anywhere, if the settings say that the
milter takes forged ones out (RFC 8601 s5 tells it to). Everything else is ignored.

A domain is proven by DMARC's pass for it, or by a pass of DKIM or SPF for a domain that is aligned with it: the same,
or one below the other (RFC 7489 s3.1 compares organizational domains; without the public suffix list a domain of one
label proves nothing).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

# Nothing here may take more than a linear time, or take what is quoted for anything else: such a field holds local
# parts that a stranger chose, as in smtp.mailfrom="x@bank.example; dmarc=pass "@evil.example.
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_OUTSIDE = re.compile(rf'[(;]|{_QUOTED}|[^(;"]++')
_IN_COMMENT = re.compile(r"[()]|\\.?|[^()\\]++", re.DOTALL)
_RESULT = re.compile(r"\s*([\w-]+)(?:\s*/\s*\d+)?\s*=\s*(\w+)")
_PROPERTY = re.compile(
    rf'{_QUOTED}|(?<![\w-])([\w-]++)\s*+\.\s*+([\w-]++)\s*+=\s*+((?:{_QUOTED}|[^\s;"])++)', re.DOTALL
)
LONGEST_FIELD = 8192
DEEPEST_COMMENT = 4


class Proof(Enum):
    """What our milter says of the author's domain."""

    PASSED = "passed"
    FAILED = "failed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Result:
    """One resinfo: `dkim=pass header.d=example.org`. Words are in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...]

    def domain(self, *names: str) -> str:
        """The domain of the first of these properties that is there; an address gives that of its host."""
        found = dict(self.properties)
        value = next((found[name] for name in names if name in found), "")
        return value.rpartition("@")[2].rstrip(".")


def proof(fields: Iterable[str], authserv_id: str, author_domain: str) -> Proof:
    """What the believed `fields`, unfolded values, say of the domain of From."""
    author = author_domain.lower().rstrip(".")
    if not authserv_id or not author:
        return Proof.NONE
    results = [result for field in fields for result in read(field, authserv_id)]
    if any(_proves(result, author) for result in results):
        return Proof.PASSED
    is_failed = any(result.method == "dmarc" and result.result in ("fail", "reject") for result in results)
    return Proof.FAILED if is_failed else Proof.NONE


def read(field: str, authserv_id: str) -> tuple[Result, ...]:
    """The results in a field of this authserv-id; none in another's, or in one that can't be read."""
    if len(field) > LONGEST_FIELD:
        return ()
    head, *parts = _parts(field) or ("",)
    words = head.split()
    if not words or words[0].lower() != authserv_id.lower():
        return ()
    return tuple(result for part in parts if (result := _result(part)) is not None)


def _parts(text: str) -> list[str]:
    """What semicolons divide, without comments (RFC 5322 s3.2.2); none where a comment or quote is not closed, or
    comments are too deep."""
    parts: list[str] = [""]
    position = depth = 0
    while position < len(text):
        found = (_IN_COMMENT if depth else _OUTSIDE).match(text, position)
        if found is None or depth > DEEPEST_COMMENT:
            return []
        position = found.end()
        match found[0]:
            case "(":
                depth += 1
            case ")" if depth == 1:
                depth = 0
                parts[-1] += " "
            case ")" if depth:
                depth -= 1
            case ";" if not depth:
                parts.append("")
            case piece if not depth:
                parts[-1] += piece
            case _:
                continue
    return [] if depth else parts


def _result(part: str) -> Result | None:
    found = _RESULT.match(part)
    if found is None:
        return None
    properties = tuple(
        (f"{kind}.{name}".lower(), value.strip('"').lower()) for kind, name, value in _PROPERTY.findall(part) if kind
    )
    return Result(found[1].lower(), found[2].lower(), properties)


def _proves(result: Result, author: str) -> bool:
    if result.result != "pass":
        return False
    match result.method:
        case "dmarc":
            return result.domain("header.from") == author
        case "dkim":
            return _is_aligned(result.domain("header.d", "header.i"), author)
        case "spf":
            return _is_aligned(result.domain("smtp.mailfrom"), author)
        case _:
            return False


def _is_aligned(domain: str, author: str) -> bool:
    if "." not in domain or "." not in author:
        return False
    return domain == author or domain.endswith(f".{author}") or author.endswith(f".{domain}")
