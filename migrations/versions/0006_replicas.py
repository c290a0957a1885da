"""A second shard for an account's bodies, and where each of them lies there.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = (
    "ALTER TABLE account ADD COLUMN replica_shard_id BIGINT",
    "ALTER TABLE account ADD CONSTRAINT account_replica_shard_id_fkey FOREIGN KEY (replica_shard_id)"
    " REFERENCES shard (id)",
    "ALTER TABLE account ADD CONSTRAINT account_replica_shard_id_check CHECK (replica_shard_id <> shard_id)",
    """
CREATE TABLE replica (
    account_id BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    shard_id BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL,
    CONSTRAINT replica_pkey PRIMARY KEY (account_id, content_id)
)
""",
)

DOWN = ("DROP TABLE replica", "ALTER TABLE account DROP COLUMN replica_shard_id")


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
