"""Quotas to the end: soft limits and grace of accounts, quotas of domains, and the warnings that are to be written.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
serves = "0006"

UP = (
    "ALTER TABLE account ADD COLUMN warn_percent INTEGER, ADD COLUMN grace_percent INTEGER,"
    " ADD CONSTRAINT account_warn_percent_check CHECK (warn_percent BETWEEN 0 AND 100),"
    " ADD CONSTRAINT account_grace_percent_check CHECK (grace_percent BETWEEN 0 AND 100)",
    "ALTER TABLE account_state ADD COLUMN warned_at TIMESTAMP WITH TIME ZONE",
    """
CREATE TABLE domain_quota (
    domain TEXT COLLATE "C" NOT NULL,
    quota_bytes BIGINT,
    quota_messages BIGINT,
    warn_percent INTEGER,
    grace_percent INTEGER,
    used_bytes BIGINT DEFAULT 0 NOT NULL,
    used_messages BIGINT DEFAULT 0 NOT NULL,
    counted_at TIMESTAMP WITH TIME ZONE,
    counting_seconds DOUBLE PRECISION DEFAULT 0 NOT NULL,
    warned_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT domain_quota_pkey PRIMARY KEY (domain),
    CONSTRAINT domain_quota_domain_fkey FOREIGN KEY(domain) REFERENCES domain (name) ON DELETE CASCADE,
    CONSTRAINT domain_quota_warn_percent_check CHECK (warn_percent BETWEEN 0 AND 100),
    CONSTRAINT domain_quota_grace_percent_check CHECK (grace_percent BETWEEN 0 AND 100)
)
""",
    """
CREATE TABLE quota_warning (
    account_id BIGINT NOT NULL,
    crossed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    domain TEXT COLLATE "C" DEFAULT '' NOT NULL,
    used_bytes BIGINT NOT NULL,
    used_messages BIGINT NOT NULL,
    quota_bytes BIGINT,
    quota_messages BIGINT,
    CONSTRAINT quota_warning_pkey PRIMARY KEY (account_id, crossed_at, domain)
)
""",
)

DOWN = (
    "DROP TABLE quota_warning",
    "DROP TABLE domain_quota",
    "ALTER TABLE account_state DROP COLUMN warned_at",
    "ALTER TABLE account DROP COLUMN warn_percent, DROP COLUMN grace_percent",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
