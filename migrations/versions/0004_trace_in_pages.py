"""The trace in pages of many messages: a row and three index entries a message cost more than its delivery may.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = (
    "DROP TABLE trace",  # with its partitions; nothing was ever written to it
    """
CREATE TABLE trace (
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    id BIGINT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entries INTEGER NOT NULL,
    keys INTEGER[] NOT NULL,
    raw BYTEA NOT NULL,
    CONSTRAINT trace_pkey PRIMARY KEY (began_at, id)
)
""",
)

DOWN = (
    "DROP TABLE trace",
    """
CREATE TABLE trace (
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    id BIGINT NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    queue_id TEXT COLLATE "C",
    message_id_hash BIGINT,
    recipient TEXT COLLATE "C",
    account_id BIGINT,
    content_id BIGINT,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT trace_pkey PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at)
""",
    "CREATE INDEX trace_message_id_hash_idx ON trace (message_id_hash)",
    "CREATE INDEX trace_queue_id_idx ON trace (queue_id)",
    "CREATE INDEX trace_recipient_idx ON trace (recipient)",
    "CREATE TABLE trace_default PARTITION OF trace DEFAULT",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
