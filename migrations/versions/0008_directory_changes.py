"""Changes of the directory are told to the workers, which remember what they have looked up.

Statement triggers, on tables of the directory alone: none of those changes per delivery, and none is distributed. What
is counted of a domain's use is no change of its quota.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
serves = "0006"

EVENTS = {
    "account": "INSERT OR UPDATE OR DELETE",
    "address": "INSERT OR UPDATE OR DELETE",
    "domain": "INSERT OR UPDATE OR DELETE",
    "policy": "INSERT OR UPDATE OR DELETE",
    "domain_quota": "INSERT OR DELETE OR UPDATE OF domain, quota_bytes, quota_messages, grace_percent",
}

FUNCTION = """
CREATE FUNCTION mda_directory_changed() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NOTIFY mda_directory; RETURN NULL; END $$
"""


def upgrade() -> None:
    op.execute(FUNCTION)
    for table, events in EVENTS.items():
        op.execute(
            f"CREATE TRIGGER mda_directory_changed AFTER {events} OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION mda_directory_changed()"
        )


def downgrade() -> None:
    for table in EVENTS:
        op.execute(f"DROP TRIGGER mda_directory_changed ON {table}")
    op.execute("DROP FUNCTION mda_directory_changed()")
