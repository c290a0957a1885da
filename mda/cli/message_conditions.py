"""What a search looks for: conditions that rows answer, then those on decoded headers, then those on the bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any

import click

from mda import binding
from mda.cli.envelope_view import EnvelopeView, decode_words
from mda.cli.message_bytes import delivered
from mda.cli.quantities import Moment
from mda.identifiers import message_id_hash
from mda.metadata.mailbox.messages import Content, Wanted
from mda.mime import message as mime_message
from mda.mime import part

Condition = tuple[str, str]
"""A header field's name and the text that it must hold."""


@dataclass(frozen=True, slots=True)
class Search:
    """Every condition that is set must hold. Texts are casefolded."""

    rows: Wanted = field(default_factory=Wanted)
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    text: str = ""
    body: str = ""
    headers: tuple[Condition, ...] = ()

    def fits(self, envelope: EnvelopeView, preview: str) -> bool:
        """What can be said without the message's bytes."""
        everything = (envelope.subject, preview, *envelope.from_, *envelope.recipients)
        return (
            _is_in(self.sender, envelope.from_)
            and _is_in(self.recipient, envelope.recipients)
            and _is_in(self.subject, (envelope.subject,))
            and _is_in(self.text, everything)
        )

    def fits_bytes(self, open_content: Callable[[], Content]) -> bool:
        """What the delivered form says; its bytes are read only where a condition asks for them."""
        if not self.body and not self.headers:
            return True
        message = mime_message.read(binding.examine(delivered(open_content())))
        has_headers = all(any(text in value for value in _values(message, name)) for name, text in self.headers)
        return has_headers and _is_in(self.body, _texts(message))


def search_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a search; the command gets them as one `search`."""

    @wraps(function)
    def with_search(
        *arguments: Any,
        sender: str,
        recipient: str,
        subject: str,
        text: str,
        body: str,
        headers: tuple[Condition, ...],
        since: datetime | None,
        before: datetime | None,
        message_id: str | None,
        **others: Any,
    ) -> Any:
        bare_id = message_id.strip().removeprefix("<").removesuffix(">") if message_id else None
        rows = Wanted(since, before, message_id_hash(bare_id) if bare_id else None)
        search = Search(
            rows=rows,
            sender=sender.casefold(),
            recipient=recipient.casefold(),
            subject=subject.casefold(),
            text=text.casefold(),
            body=body.casefold(),
            headers=headers,
        )
        return function(*arguments, search=search, **others)

    for option in reversed(_OPTIONS):
        with_search = option(with_search)
    return with_search


class HeaderCondition(click.ParamType[Condition]):
    """NAME:TEXT; an empty TEXT asks only whether the field is there."""

    name = "name:text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Condition:
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        name, colon, text = str(value).partition(":")
        if not colon or not name.strip():
            self.fail(f"{value!r} is not a header condition; write it like List-Id:announce", param, ctx)
        return name.strip(), text.strip().casefold()


_OPTIONS = (
    click.option("--from", "sender", metavar="TEXT", default="", help="In the sender's name or address."),
    click.option("--to", "recipient", metavar="TEXT", default="", help="In To or Cc."),
    click.option("--subject", metavar="TEXT", default="", help="In the subject."),
    click.option("--text", metavar="TEXT", default="", help="In subject, addresses or the first words of the text."),
    click.option("--body", metavar="TEXT", default="", help="In the text of the whole message."),
    click.option(
        "--header",
        "headers",
        metavar="NAME:TEXT",
        type=HeaderCondition(),
        multiple=True,
        help="In a header field. May be given several times.",
    ),
    click.option("--message-id", metavar="ID", help="With this Message-ID."),
    click.option("--since", metavar="DATE", type=Moment(), help="Received then or later: 2026-11-23, 36h, 7d, 2w."),
    click.option("--before", metavar="DATE", type=Moment(), help="Received before that."),
)


def _is_in(text: str, places: tuple[str, ...]) -> bool:
    """No text is no condition."""
    return not text or any(text in place.casefold() for place in places)


def _values(message: mime_message.Message, name: str) -> tuple[str, ...]:
    """A field's values, decoded and casefolded."""
    return tuple(decode_words(value.encode("utf-8", "replace")).casefold() for value in message.field_values(name))


def _texts(message: mime_message.Message) -> tuple[str, ...]:
    return tuple(part.text(message.examination, one.index) for one in message.parts)
