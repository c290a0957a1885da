"""Questions to the admin: before what can't be taken back, and for passwords.

A password is never an argument: arguments stand in the process list and the shell's history.
"""

import sys

import click

from mda.errors import InvalidValue, MdaError


def confirm(consequence: str, *, is_agreed: bool) -> None:
    """Says what will happen and asks; returns only on yes (or with --yes given)."""
    if is_agreed:
        return
    click.echo(consequence, err=True)
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
    line = sys.stdin.readline()
    password = line.removesuffix("\n").removesuffix("\r")
    if not password:
        raise InvalidValue("standard input holds no password", "give it as the first line")
    return password
