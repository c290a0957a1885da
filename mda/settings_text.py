"""One key of a settings file set, with everything else of the text, comments too, left as it is.

    its own line is replaced, else the template's commented one (`#receipt_days = 7`), else it is written below its
    table's heading, else with a heading at the end

What is written is read again: where anything but the key would mean something else, nothing is changed.
"""

import json
import re
import tomllib
from typing import Any

from mda.errors import SettingsError

_HEADING = re.compile(r"\[\s*([A-Za-z0-9_.\-]+)\s*\]\s*(#.*)?$")


def with_key(text: str, key: str, value: object) -> str:
    """`text` with `key` (`delivery.receipt_days`) set; SettingsError where a program can't change it."""
    table, _, name = key.rpartition(".")
    lines = text.splitlines()
    written = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    start, end = _table(lines, table)
    if start is None:
        lines += ["", f"[{table}]", written]
    else:
        _put(lines, start, end, name, written)
    made = "\n".join(lines) + "\n"
    if _parsed(made) != _with(_parsed(text), table, name, value):
        raise SettingsError(f"{key} is written in a way that can't be changed by a program", "set it by hand")
    return made


def _put(lines: list[str], start: int, end: int, name: str, written: str) -> None:
    is_it = re.compile(rf"\s*{re.escape(name)}\s*=")
    for number in range(start, end):
        if is_it.match(lines[number]):
            lines[number : _end_of_value(lines, number, end)] = [written]
            return
    commented = re.compile(rf"#\s?{re.escape(name)}\s*=")
    place = next((number for number in range(start, end) if commented.match(lines[number])), None)
    if place is None:
        lines.insert(start, written)
    else:
        lines[place] = written


def _table(lines: list[str], table: str) -> tuple[int | None, int]:
    """Its first line behind the heading, and the line behind its last; None where there is no such table."""
    headings = [(number, found[1]) for number, line in enumerate(lines) if (found := _HEADING.match(line.strip()))]
    ends = [number for number, _ in headings[1:]] + [len(lines)]
    if not table:
        return 0, headings[0][0] if headings else len(lines)
    for (number, name), end in zip(headings, ends, strict=False):
        if name == table:
            return number + 1, end
    return None, len(lines)


def _end_of_value(lines: list[str], start: int, end: int) -> int:
    """Behind the lines of an assignment: an array may have several."""
    for number in range(start + 1, end + 1):
        if _parsed("\n".join(lines[start:number])) is not None:
            return number
    return start + 1


def _with(tree: dict[str, Any] | None, table: str, name: str, value: object) -> dict[str, Any]:
    made = dict(tree or {})
    if table:
        made[table] = {**made.get(table, {}), name: value}
    else:
        made[name] = value
    return made


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
