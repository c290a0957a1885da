"""How alembic reaches the database: through the connection that `mda.metadata.schema.migrate` hands over.

Compares against METADATA of `mda.metadata.schema.tables`. Each migration, in its own transaction, leaves beside its
revision which older programs the schema serves now.
"""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import text

from mda.metadata.schema.tables import METADATA


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        transaction_per_migration=True,
        compare_server_default=True,
        on_version_apply=_remember,
    )
    with context.begin_transaction():
        context.run_migrations()


def _remember(ctx: MigrationContext, step: MigrationInfo, heads: Collection[str], run_args: Mapping[str, Any]) -> None:
    """Told of each step, up or down, after it; without heads the schema is gone."""
    if ctx.connection is None:  # pragma: no cover - only where alembic writes a script
        return
    ctx.connection.execute(text('ALTER TABLE alembic_version ADD COLUMN IF NOT EXISTS serves TEXT COLLATE "C"'))
    for revision in heads:
        module = context.script.get_revision(revision).module
        serves = getattr(module, "serves", revision)
        ctx.connection.execute(text("UPDATE alembic_version SET serves = :serves"), {"serves": serves})


run()
