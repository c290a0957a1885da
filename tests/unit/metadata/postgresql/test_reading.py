"""A listing's connection: whose fault an error is."""

import pytest

from mda.errors import DatabaseUnavailable, InvalidValue
from mda.metadata.postgresql.reading import reading
from mda.settings import Database, Settings


def test_value_that_postgresql_can_not_hold_is_no_trouble_with_the_server(database_url: str) -> None:
    settings = Settings(database=Database(url=database_url))
    with reading(settings) as reader, pytest.raises(InvalidValue, match="out of range"):
        reader.rows("SELECT :number * 2::bigint", number=2**63 - 1)
    with reading(settings) as reader, pytest.raises(DatabaseUnavailable, match="does not exist"):
        reader.rows("SELECT 1 FROM nowhere")
