"""Takes an account's rows away for good, and with them its addresses. Its bodies leave the shards by what
`mda.metadata.mailbox.erasure.ask_all` has noted before.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from mda.address import Address
from mda.errors import Conflict
from mda.metadata.directory import accounts
from mda.metadata.learning.training import ask_to_rebuild
from mda.metadata.mailbox.change import changing, lock
from mda.metadata.mailbox.erasure import require_free
from mda.metadata.schema.columns import PER_ACCOUNT
from mda.metadata.schema.tables import METADATA, account, address, policy, user_weights
from mda.metadata.schema.words import AccountState


@dataclass(frozen=True, slots=True)
class Purged:
    """What is gone."""

    address: str
    messages: int
    bytes: int


def purge(engine: Engine, wanted: Address) -> Purged:
    """Deletes every row of the account; Conflict unless it is marked as deleted, and where it is under a legal
    hold."""
    with changing(engine) as connection:
        found = accounts.require(connection, wanted)
        if found.state is not AccountState.DELETED:
            raise Conflict(f"account {found.address} is {found.state}", "delete it first: mda account delete")
        counters = lock(connection, found.id)
        require_free(connection, found.id)
        if connection.scalar(select(user_weights.c.version).where(user_weights.c.account_id == found.id)) is not None:
            ask_to_rebuild(connection)  # what its marks have taught everybody's filter goes with them
        # Children before parents: sorted_tables stands in the order of the references.
        for table in reversed(METADATA.sorted_tables):
            if table.info.get(PER_ACCOUNT):
                connection.execute(delete(table).where(table.c.account_id == found.id))
        connection.execute(delete(policy).where(policy.c.account_id == found.id))
        connection.execute(delete(address).where(address.c.account_id == found.id))
        connection.execute(delete(account).where(account.c.id == found.id))
        return Purged(found.address, counters.message_count, counters.bytes)
