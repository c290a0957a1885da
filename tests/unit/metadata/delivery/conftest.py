"""All statements that store a batch, for what is promised whichever of them is taken."""

import pytest

from mda.metadata.delivery import store_connection
from mda.metadata.delivery.deliver_statements import EXECUTE_STORE, EXECUTE_STORE_PLAIN

STORES = {"plain": EXECUTE_STORE_PLAIN, "general": EXECUTE_STORE, "lone": EXECUTE_STORE_PLAIN}


@pytest.fixture(params=STORES)
def each_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Batches of distinct accounts are stored by the plain statement, then by the general one, and then, where one has
    a single delivery, by the one for that; its name."""
    name = str(request.param)
    monkeypatch.setattr(store_connection, "EXECUTE_STORE_PLAIN", STORES[name])
    if name != "lone":
        monkeypatch.setattr(store_connection, "_is_lone", lambda batch: False)
    return name
