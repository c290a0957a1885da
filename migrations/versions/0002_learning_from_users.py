"""What learning from users needs: marks with views, lessons to take back, policies of accounts, domains' thresholds."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = (
    "ALTER TABLE mark ADD COLUMN view BYTEA, ADD COLUMN feature_version INTEGER, ADD COLUMN base REAL,"
    " ADD COLUMN campaign BIGINT, ADD COLUMN step REAL",
    "ALTER TABLE training_queue ADD COLUMN lesson TEXT COLLATE \"C\" DEFAULT 'learn' NOT NULL,"
    " ADD COLUMN view BYTEA, ADD COLUMN step REAL,"
    " ADD CONSTRAINT training_queue_lesson_check CHECK (lesson IN ('learn', 'forget'))",
    "ALTER TABLE domain ADD COLUMN spam_threshold DOUBLE PRECISION",
    "ALTER TABLE policy ADD COLUMN account_id BIGINT,"
    " ADD CONSTRAINT policy_account_id_fkey FOREIGN KEY (account_id) REFERENCES account (id),"
    " ADD CONSTRAINT policy_account_id_check CHECK (account_id IS NULL OR domain IS NULL)",
    "DROP INDEX policy_key",
    "CREATE UNIQUE INDEX policy_key ON policy (account_id, domain, subject, pattern) NULLS NOT DISTINCT",
)

# Policies of accounts can't be said without the column.
DOWN = (
    "DROP INDEX policy_key",
    "DELETE FROM policy WHERE account_id IS NOT NULL",
    "ALTER TABLE policy DROP COLUMN account_id",
    "CREATE UNIQUE INDEX policy_key ON policy (domain, subject, pattern) NULLS NOT DISTINCT",
    "ALTER TABLE domain DROP COLUMN spam_threshold",
    "DELETE FROM training_queue WHERE lesson <> 'learn'",
    "ALTER TABLE training_queue DROP COLUMN lesson, DROP COLUMN view, DROP COLUMN step",
    "ALTER TABLE mark DROP COLUMN view, DROP COLUMN feature_version, DROP COLUMN base, DROP COLUMN campaign,"
    " DROP COLUMN step",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
