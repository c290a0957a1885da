"""Text that came from outside (mail, names), made safe and short for a terminal.

A subject may hold escape sequences that move the cursor, or marks that turn the direction of what follows; printed
as they are, they let a stranger write on the admin's terminal.
"""

import re
import unicodedata

import click

_UNSAFE = r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def visible(text: str) -> str:
    """The text with control and direction characters written as escapes, in one line."""
    return text if text.isprintable() else re.sub(_UNSAFE, _escape, text)


def say(text: str, *, err: bool = False) -> None:
    """A line that names what the directory or an argument has."""
    click.echo(visible(text), err=err)


def cells(text: str) -> int:
    """Columns that the text takes on a terminal: wide East Asian characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
