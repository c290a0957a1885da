"""`mda spam explain`: why a message got its score, in its own words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from mda import settings
from mda.address import Address
from mda.binding import Campaign
from mda.cli import message_bytes, message_name
from mda.cli.options import account_argument
from mda.cli.table import to_json
from mda.cli.text import say, visible
from mda.identifiers import format_id
from mda.learning import explain
from mda.learning.explain import Found
from mda.learning.lesson import campaign_of
from mda.metadata.directory import accounts
from mda.metadata.mailbox import messages
from mda.metadata.mailbox.messages import Content
from mda.metadata.postgresql.opened import opened

WIDTH = 80
KIND_WIDTH = 26


@dataclass(frozen=True, slots=True)
class Line:
    """One reason, with the words that it stands for."""

    kind: str
    feature: int
    weight: float
    found: Found | None


@click.command("explain")
@account_argument
@click.argument("name", metavar="MESSAGE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def explain_one(config: Path | None, account: Address, name: str, as_json: bool) -> None:
    """Say why a message got its spam score: the heaviest reasons, in the message's own words.

    Reasons of the same words are one line; --json has each by itself.

    Weights are in log-odds: above 0 speaks for spam, +0.7 doubles the odds. Words are cut from the stored message; the
    verdict itself keeps none.

    \b
    $ mda spam explain anne@example.org INBOX:17
    $ mda spam explain anne@example.org 01c9f3e2a4b5c6d7 --json
    """
    with opened(settings.load(config)) as handle:
        account_id = accounts.find(handle, account).id
        entry = message_name.find_any(handle, account_id, name)
        content = messages.open_content(handle, account_id, entry.content_id)
    lines = _lines(content)
    if as_json:
        click.echo(to_json(_document(content, lines)))
        return
    if content.spam_score is None:
        say(f"{name} was not classified")
        return
    say(f"{name}: {content.spam_score:.4f} by model {_model(content)}")
    click.echo(f"campaign: {_copies(campaign_of(content.spam_reasons))} like it in the hours before\n")
    for line in _joined(lines):
        click.echo(_shown(line))


def _lines(content: Content) -> tuple[Line, ...]:
    reasons = content.spam_reasons.reasons
    ids = {feature for _, feature, _ in reasons if feature}
    found = explain.find(message_bytes.stored(content), ids) if ids else {}
    return tuple(Line(kind, feature, weight, found.get(feature)) for kind, feature, weight in reasons)


def _joined(lines: Sequence[Line]) -> list[Line]:
    """Features that stand for the same words of the same place are one line, heaviest first."""
    joined: dict[tuple[str, Found | int], Line] = {}
    for line in lines:
        key = (line.kind, line.found or line.feature)
        before = joined.get(key)
        joined[key] = replace(line, weight=line.weight + before.weight) if before else line
    return sorted(joined.values(), key=lambda line: abs(line.weight), reverse=True)


def _shown(line: Line) -> str:
    head = f"{line.weight:+7.2f}  {line.kind:<{KIND_WIDTH}}"
    if line.found is None:
        return head.rstrip()
    room = WIDTH - len(head) - 1
    text = visible(f"{line.found.where}: {line.found.text}")
    return f"{head} {text if len(text) <= room else text[: room - 1] + '…'}"


def _document(content: Content, lines: Sequence[Line]) -> dict[str, Any]:
    campaign = campaign_of(content.spam_reasons)
    return {
        "id": format_id(content.id),
        "score": None if content.spam_score is None else round(content.spam_score, 4),
        "model": _model(content),
        "campaign": campaign.id if campaign else None,
        "copies": _copies(campaign),
        "reasons": [
            {
                "kind": line.kind,
                "feature": line.feature,
                "weight": round(line.weight, 4),
                "where": line.found.where if line.found else None,
                "text": line.found.text if line.found else None,
            }
            for line in lines
        ],
    }


def _copies(campaign: Campaign | None) -> int:
    """How many near copies there had been before it."""
    return campaign.count - 1 if campaign else 0


def _model(content: Content) -> str | None:
    return content.spam_reasons.model or None
