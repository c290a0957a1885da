"""A row as one line of JSON (docs/segment-format.md), and back: `{"table": NAME, "row": {COLUMN: VALUE, ...}}`.

Times are RFC 3339, bytes base64; null columns are left out, and an unknown column of a later version is skipped.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, LargeBinary, Table

from mda.metadata.schema.tables import METADATA

__all__ = ["Table", "pack", "unpack"]


def pack(table: Table, row: Mapping[str, Any]) -> bytes:
    """The line, without a line end."""
    values = {name: _plain(value) for name, value in row.items() if value is not None}
    return json.dumps({"table": table.name, "row": values}, ensure_ascii=False, separators=(",", ":")).encode()


def unpack(document: Mapping[str, Any]) -> tuple[Table, dict[str, Any]] | None:
    """Table and row of a parsed line; None for a table that this version does not know."""
    table = METADATA.tables.get(document["table"])
    if table is None:
        return None
    return table, {name: _typed(table, name, value) for name, value in document["row"].items() if name in table.columns}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    return value


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name].type
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    return value
