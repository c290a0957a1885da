"""How alembic reaches the database: through the connection that `mda.metadata.schema.migrate` hands over.

Compares against METADATA of `mda.metadata.schema.tables`. Partitions of `trace` are made day by day by the running
service, so they are no part of the compared schema.
"""

from alembic import context

from mda.metadata.schema.migrate import is_ours
from mda.metadata.schema.tables import METADATA


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_name=is_ours,
        transaction_per_migration=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
