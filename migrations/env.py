"""How alembic reaches the database: through the connection that `mda.metadata.schema.migrate` hands over.

Compares against METADATA of `mda.metadata.schema.tables`.
"""

from alembic import context

from mda.metadata.schema.tables import METADATA


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        transaction_per_migration=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
