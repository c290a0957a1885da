"""The rules that let one PostgreSQL and a cluster distributed by account run the same schema."""

from collections.abc import Iterator

import pytest
from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, Sequence, String, Table
from sqlalchemy.schema import CreateTable

from mda.metadata.schema.columns import PER_ACCOUNT, REFERENCE
from mda.metadata.schema.tables import METADATA, account_state, message

TABLES = tuple(METADATA.tables.values())
PER_ACCOUNT_TABLES = tuple(table for table in TABLES if PER_ACCOUNT in table.info)
REFERENCE_TABLES = tuple(table for table in TABLES if REFERENCE in table.info)
OTHER = {"trace", "checkpoint", "purged", "task"}

by_name = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
each_of_account = pytest.mark.parametrize("table", PER_ACCOUNT_TABLES, ids=lambda table: table.name)


def keys(table: Table) -> Iterator[tuple[str, list[str]]]:
    """Each key of a table, with the names of its columns in order."""
    for constraint in table.constraints:
        columns = [column.name for column in getattr(constraint, "columns", ())]
        if columns and not type(constraint).__name__.startswith("Check"):
            yield type(constraint).__name__, columns
    for index in table.indexes:
        yield str(index.name), [column.name for column in index.columns]


def test_every_table_has_a_place_in_the_cluster() -> None:
    assert {table.name for table in PER_ACCOUNT_TABLES} >= {
        "account_state",
        "mailbox",
        "message",
        "content",
        "receipt",
        "expunged",
        "mark",
        "user_weights",
        "correspondent",
        "training_queue",
    }
    assert {table.name for table in REFERENCE_TABLES} == {
        *("shard", "domain", "account", "address", "policy", "domain_quota")
    }
    placed = {table.name for table in (*PER_ACCOUNT_TABLES, *REFERENCE_TABLES)}
    assert {table.name for table in TABLES} - placed == OTHER


@each_of_account
def test_account_id_leads_every_key_of_what_an_account_owns(table: Table) -> None:
    found = list(keys(table))
    assert found, "a table without keys"
    assert table.columns.keys()[0] == "account_id"
    for name, columns in found:
        assert columns[0] == "account_id", f"{name} of {table.name} begins with {columns[0]}"


@each_of_account
def test_foreign_keys_lead_to_the_same_account_or_to_a_reference_table(table: Table) -> None:
    for constraint in table.constraints:
        if isinstance(constraint, ForeignKeyConstraint):
            target = constraint.referred_table
            if PER_ACCOUNT in target.info:
                assert constraint.elements[0].column.name == "account_id"
            else:
                assert REFERENCE in target.info


@by_name
def test_no_column_is_counted_by_a_sequence(table: Table) -> None:
    for column in table.columns:
        assert column.identity is None
        assert not isinstance(column.default, Sequence)
    assert "SERIAL" not in str(CreateTable(table)).upper()
    assert table.autoincrement_column is None


@by_name
def test_ids_are_64_bit(table: Table) -> None:
    for column in table.columns:
        if column.name == "id" or column.name.endswith("_id"):
            assert isinstance(column.type, BigInteger) or is_foreign_name(column), f"{table.name}.{column.name}"
            assert not (isinstance(column.type, Integer) and not isinstance(column.type, BigInteger))


def is_foreign_name(column: Column[object]) -> bool:
    return column.name == "queue_id"  # Postfix's


@by_name
def test_text_is_compared_byte_by_byte(table: Table) -> None:
    for column in table.columns:
        kind = getattr(column.type, "item_type", column.type)
        if isinstance(kind, String):
            assert kind.collation == "C", f"{table.name}.{column.name}"


@pytest.mark.parametrize("table", REFERENCE_TABLES, ids=lambda table: table.name)
def test_nothing_in_the_directory_counts_deliveries(table: Table) -> None:
    counted = {"modseq", "bytes", "message_count", "uid_next", "next_uid_validity", "last_delivery_at", "updated_at"}
    assert not counted & set(table.columns.keys())


def test_counters_are_not_indexed_and_leave_room_for_hot_updates() -> None:
    assert account_state.dialect_options["postgresql"]["with"] == {"fillfactor": 50}
    assert not account_state.indexes


def test_a_mailbox_is_opened_by_an_index_only_scan() -> None:
    assert list(message.primary_key.dialect_options["postgresql"]["include"]) == ["flags", "modseq"]
