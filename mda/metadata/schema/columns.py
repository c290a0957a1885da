"""What every table is made of: the MetaData with its naming rules, and the column types with one spelling each.

Nothing here describes a table (see `mda.metadata.schema.tables`). Ids are made by the application (`mda.identifiers`),
never by a sequence: several database nodes then need no common counter.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

NAMING = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}
"""PostgreSQL's own names, so that a migration can name what it drops."""

TEXT = Text(collation="C")
"""Compared byte by byte: the same order on every node, whatever its libc or ICU; a change of those breaks no index."""

TIME = DateTime(timezone=True)
NOW = text("now()")

PER_ACCOUNT = "per_account"
"""Key in `Table.info`: the table is distributed by account_id, so account_id leads each of its keys."""

REFERENCE = "reference"
"""Key in `Table.info`: a copy on every node; nothing in it may change with a delivery."""


def make_metadata() -> MetaData:
    """An empty MetaData with our naming of constraints."""
    return MetaData(naming_convention=NAMING)


def account_id() -> Column[int]:
    """The distribution column; always the first of its table."""
    return bigint("account_id")


def bigint(name: str) -> Column[int]:
    # autoincrement would make a lone bigint key a BIGSERIAL
    return Column(name, BigInteger, nullable=False, autoincrement=False)


def counter(name: str, start: int = 0) -> Column[int]:
    """A number that starts at `start` for a new row."""
    return Column(name, BigInteger, nullable=False, server_default=text(str(start)))


def required(name: str, kind: TypeEngine[Any] = TEXT) -> Column[Any]:
    return Column(name, kind, nullable=False)


def optional(name: str, kind: TypeEngine[Any] = TEXT) -> Column[Any]:
    return Column(name, kind, nullable=True)


def moment(name: str) -> Column[Any]:
    """A time that is the row's own start unless given."""
    return Column(name, TIME, nullable=False, server_default=NOW)


def document(name: str) -> Column[Any]:
    """A JSON object, empty unless given."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """A closed set of words for a text column."""
    quoted = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({quoted})", name=column)


def percentage(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN 0 AND 100", name=column)
