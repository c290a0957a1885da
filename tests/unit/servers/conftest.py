"""A served data folder for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.unit.servers.house import House
from tests.unit.servers.house import house as make_house


@pytest.fixture
def house() -> Iterator[House]:
    with make_house() as made:
        yield made
