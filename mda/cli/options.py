"""Options and parameter types that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mda import address
from mda.address import Address
from mda.errors import InvalidValue

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


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")(function)


def yes_option(function: F) -> F:
    return click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")(function)


def account_argument(function: F) -> F:
    return click.argument("account", metavar="ACCOUNT", type=AddressType())(function)
