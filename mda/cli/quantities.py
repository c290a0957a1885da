"""Sizes, numbers and dates as people write them on a command line."""

import re
from datetime import UTC, datetime, timedelta

import click

UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
UNITS |= {"KIB": 1024, "MIB": 1024**2, "GIB": 1024**3, "TIB": 1024**4}
UNITS |= {"K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}

MOST_BYTES = 2**63 - 1
MOST_DIGITS = 19
"""Of MOST_BYTES. Python itself refuses to read thousands of them."""

MOST_PERCENT = 100

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*\Z")
_AGE = re.compile(r"([0-9]+)([hdw])\Z")
_AGE_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def whole(text: str) -> int | None:
    """The number that these digits write; None for any other text, and for a number that the database can't hold."""
    digits = text.lstrip("0") or text[-1:]
    if not (text.isascii() and text.isdigit()) or len(digits) > MOST_DIGITS:
        return None
    number = int(digits)
    return number if number <= MOST_BYTES else None


def parse_size(text: str) -> int | None:
    """Octets of "5GB", "500 MB", "1.5 GiB" or "1000"; None for "none" (no limit). ValueError otherwise."""
    if text.strip().lower() in ("none", "unlimited"):
        return None
    match = _SIZE.match(text)
    factor = UNITS.get(match[2].upper()) if match else None
    if match is None or factor is None:
        raise ValueError(f"{text!r} is not a size; write it like 5GB, 500MB or none")
    before = whole(match[1].partition(".")[0])
    octets = None if before is None else round(float(match[1]) * factor) if "." in match[1] else before * factor
    if octets is None or octets > MOST_BYTES:
        raise ValueError(f"{text!r} is more than can be counted")
    return octets


def parse_moment(text: str, now: datetime | None = None) -> datetime:
    """A date (2026-11-23, at midnight here), an RFC 3339 time, or an age: 36h, 7d, 2w. ValueError otherwise."""
    if match := _AGE.match(text.strip()):
        try:
            return (now or datetime.now(UTC)) - int(match[1][:MOST_DIGITS]) * _AGE_UNITS[match[2]]
        except OverflowError as error:
            raise ValueError(f"{text!r} is too long ago") from error
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date; write it like 2026-11-23, 2026-11-23T08:00 or 7d") from error
    try:
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is too long ago, or too far ahead") from error


class Size(click.ParamType[int | None]):
    """A parameter in octets, or None for no limit."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[datetime]):
    """A parameter that is a point in time."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Count(click.ParamType[int | None]):
    """A parameter that is a number of things, or None for no limit."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        text = str(value).strip()
        if text.lower() in ("none", "unlimited"):
            return None
        number = whole(text)
        if number is None:
            self.fail(f"{text!r} is not a number; write it like 100000 or none", param, ctx)
        return number


class Percent(click.ParamType[int | None]):
    """A parameter of 0 to 100, "none" being 0; None for "default"."""

    name = "percent"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        text = str(value).strip().lower().removesuffix("%").rstrip()
        if text in ("default", "none"):
            return None if text == "default" else 0
        number = whole(text)
        if number is None or number > MOST_PERCENT:
            self.fail(f"{value!r} is not a percentage; write 0 to 100, none or default", param, ctx)
        return number
