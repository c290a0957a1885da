"""PostgreSQL's text form of an array: one parameter for a whole column of values.

A literal costs the server less than ARRAY[...] does, whose every element is an expression to be analysed.
"""

from collections.abc import Iterable
from datetime import datetime


def array_literal(values: Iterable[object]) -> str:
    """`{...}` of one dimension; None is NULL."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: object) -> str:
    kind = type(value)
    if value is None:
        return "NULL"
    if kind is int or kind is float or kind is bool:
        return repr(value)
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
