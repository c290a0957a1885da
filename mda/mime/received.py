"""Received fields taken apart: RFC 5321 s4.4, RFC 5322 s3.6.7.

    Received: from mx.example.test (mx.example.test [192.0.2.1]) by mx.example.org (Postfix) with ESMTPS id 4A2B
     for <anna@example.org>; Mon, 5 Jan 2026 10:00:00 +0100

Clauses are read in any order, as programs write them so. What is in parentheses stays with the clause before it: the
name and address that the receiving host saw stand there. Nothing is verified: all but our own top field may be lies.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_CLAUSES = ("from", "by", "via", "with", "id", "for")
_TOKEN = re.compile(r'\s+|\((?:[^()\\]|\\.)*\)|"(?:[^"\\]|\\.)*"|<[^<>]*>|\[[^\]]*\]|[^\s()"<\[;]+|.', re.DOTALL)
_LONGEST = 2048
"""Characters looked at; no program writes fields of this size."""


@dataclass(frozen=True, slots=True)
class Received:
    """One Received field; an empty string where it has no such clause."""

    from_host: str
    from_comment: str
    """What stands in parentheses behind the host: as the receiver saw it."""
    by_host: str
    via: str
    protocol: str
    """Of the `with` clause: SMTP, ESMTPSA, LMTP, ..."""
    id: str
    recipient: str
    """Of the `for` clause, without angle brackets."""
    received_at: datetime | None


def read(value: str, date: Callable[[str], datetime | None]) -> Received:
    """Takes an unfolded value apart; `date` reads what stands behind its last `;`."""
    tokens = [token for token in _TOKEN.findall(value[:_LONGEST]) if not token.isspace()]
    end = len(tokens) - 1 - tokens[::-1].index(";") if ";" in tokens else len(tokens)
    words, comments = _clauses(tokens[:end])
    return Received(
        from_host=words["from"],
        from_comment=comments["from"],
        by_host=words["by"],
        via=words["via"],
        protocol=words["with"],
        id=_bare(words["id"]),
        recipient=_bare(words["for"]),
        received_at=date(" ".join(tokens[end + 1 :])),
    )


def _clauses(tokens: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The words of each clause, and what stands in parentheses behind them. A clause begins once."""
    words: dict[str, list[str]] = {name: [] for name in _CLAUSES}
    comments: dict[str, list[str]] = {name: [] for name in _CLAUSES}
    clause, begun = "", set()
    for token in tokens:
        word = token.lower()
        if word in words and word not in begun:
            clause = word
            begun.add(clause)
        elif clause and token.startswith("("):
            comments[clause].append(token[1:].removesuffix(")"))
        elif clause and token.startswith("[") and words[clause]:  # QUIRK: "from host [192.0.2.1] by ...", of fetchmail
            comments[clause].append(token)
        elif clause:
            words[clause].append(token)
    return _joined(words), _joined(comments)


def _joined(found: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {clause: " ".join(tokens) for clause, tokens in found.items()}


def _bare(word: str) -> str:
    return word.removeprefix("<").removesuffix(">")
