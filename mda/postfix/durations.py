"""Postfix's time values: a number with a unit, or in the parameter's own default unit (postconf(5))."""

import re

from mda.errors import InvalidValue

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

_DURATION = re.compile(r"([0-9]+)\s*([smhdw]?)\Z")


def seconds(text: str, default_unit: str = "s") -> int:
    """Seconds of "5d" or "1000s"; InvalidValue for what Postfix would not take either."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise InvalidValue(f"{text!r} is not a time of Postfix", "write it like 1000s or 5d")
    return int(match[1]) * UNIT_SECONDS[match[2] or default_unit]
