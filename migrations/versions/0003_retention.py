"""What retention and erasure need: windows and holds of accounts, where an expunged message went, what is purged."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = (
    "ALTER TABLE account ADD COLUMN retention_days INTEGER, ADD COLUMN held_at TIMESTAMPTZ,"
    ' ADD COLUMN hold_reason TEXT COLLATE "C",'
    " ADD CONSTRAINT account_retention_days_check CHECK (retention_days >= 0)",
    "ALTER TABLE expunged ADD COLUMN is_moved BOOLEAN DEFAULT false NOT NULL",
    "CREATE TABLE purged (account_id BIGINT NOT NULL, content_id BIGINT NOT NULL,"
    " is_urgent BOOLEAN DEFAULT false NOT NULL, is_recorded BOOLEAN DEFAULT false NOT NULL,"
    " shard_id BIGINT NOT NULL, purged_at TIMESTAMPTZ DEFAULT now() NOT NULL,"
    " CONSTRAINT purged_pkey PRIMARY KEY (account_id, content_id))",
)

DOWN = (
    "DROP TABLE purged",
    "ALTER TABLE expunged DROP COLUMN is_moved",
    "ALTER TABLE account DROP COLUMN retention_days, DROP COLUMN held_at, DROP COLUMN hold_reason",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
