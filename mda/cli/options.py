"""Options and parameter types that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mda import address
from mda.address import Address
from mda.errors import InvalidValue

MOST = 2**31 - 1
"""What fits into an integer of the database."""

MOST_SECONDS = 86_400.0

MOST_DAYS = 36_500

F = TypeVar("F", bound=Callable[..., Any])


class AddressType(click.ParamType[Address]):
    """A mail address."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return address.parse(str(value))
        except InvalidValue as error:
            self.fail(str(error), param, ctx)


class DomainType(click.ParamType[str]):
    """A domain, in the form that the directory keeps."""

    name = "domain"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return address.domain_key(str(value))
        except InvalidValue as error:
            self.fail(str(error), param, ctx)


class FolderType(click.Path):
    """A folder that may not be there yet. Not the empty word that an unset variable leaves: it would be the working
    folder."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty; name a folder, or . for this one", param, ctx)
        return super().convert(value, param, ctx)


class NumberType(click.IntRange):
    """A number that the database and Python can count to."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if number > MOST:
            self.fail(f"{value!r} is more than can be counted", param, ctx)
        return number


class MeasureType(click.FloatRange):
    """A number that can be compared: neither nan, which is in every range, nor an infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class SecondsType(MeasureType):
    """A time to wait, no longer than a day."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if seconds > MOST_SECONDS:
            self.fail(f"{value!r} seconds can't be waited for; a day is the most", param, ctx)
        return seconds


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")(function)


def json_object_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def rehearsal_option(function: F) -> F:
    text = "Say what would happen, and change nothing."
    return click.option("--dry-run", "is_rehearsal", is_flag=True, help=text)(function)


def yes_option(function: F) -> F:
    return click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")(function)


def account_argument(function: F) -> F:
    return click.argument("account", metavar="ACCOUNT", type=AddressType())(function)
