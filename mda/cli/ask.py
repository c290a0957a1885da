"""Questions to the admin: before what can't be taken back, and for passwords.

A password is never an argument: arguments stand in the process list and the shell's history.
"""

import sys

import click

from mda.cli.text import say
from mda.errors import InvalidValue, MdaError

MOST_CHARACTERS = 4096
"""Of a password, as other programs have it."""


def confirm(consequence: str, *, is_agreed: bool) -> None:
    """Says what will happen and asks; returns only on yes (or with --yes given)."""
    if is_agreed:
        return
    say(consequence, err=True)
    if not click.confirm("Go on?", err=True):
        raise MdaError("nothing was changed")


def new_password(*, from_stdin: bool) -> str:
    """The first line of standard input, or a prompt that asks twice and shows nothing."""
    if from_stdin:
        return _line_of_stdin()
    if not sys.stdin.isatty():
        raise InvalidValue("no terminal to ask for the password on", "pipe it in with --password-stdin")
    return str(click.prompt("New password", hide_input=True, confirmation_prompt="Once more", err=True))


def _line_of_stdin() -> str:
    line = sys.stdin.readline(MOST_CHARACTERS + 1)
    if len(line) > MOST_CHARACTERS:
        raise InvalidValue(f"the first line has more than {MOST_CHARACTERS} characters", "give the password alone")
    password = line.removesuffix("\n").removesuffix("\r")
    if not password:
        raise InvalidValue("standard input holds no password", "give it as the first line")
    return password
