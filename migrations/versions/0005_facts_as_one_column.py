"""What was found of a message as one compressed column: the rows were two thirds of the database.

Rows of before keep their columns and are read as they are. Going back unpacks what was stored meanwhile.

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from mda.metadata.content.facts import unpack
from mda.metadata.content.spam_reasons import SpamReasons, to_json

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REQUIRED = ("envelope", "body_structure", "structure", "prefix", "subject_base", "preview", "defects")
ROWS_AT_ONCE = 1000

CONTENT = sa.table(
    "content",
    *(sa.column(name, sa.BigInteger) for name in ("account_id", "id", "defects")),
    *(sa.column(name, sa.LargeBinary) for name in ("facts", *REQUIRED[:4])),
    *(sa.column(name, sa.Text) for name in ("subject_base", "preview", "original_recipient", "queue_id")),
    *(sa.column(name, sa.ARRAY(sa.BigInteger)) for name in ("forged_spans", "reference_hashes")),
    sa.column("spam_reasons", JSONB(none_as_null=True)),
)


def upgrade() -> None:
    op.execute("ALTER TABLE content ADD COLUMN facts BYTEA")
    for name in REQUIRED:
        op.execute(f"ALTER TABLE content ALTER COLUMN {name} DROP NOT NULL")
    op.execute("ALTER TABLE content ALTER COLUMN defects DROP DEFAULT")
    op.execute("ALTER TABLE content ALTER COLUMN thread_id DROP NOT NULL")


def downgrade() -> None:
    connection = op.get_bind()
    key = (CONTENT.c.account_id, CONTENT.c.id)
    packed = sa.select(CONTENT).where(CONTENT.c.facts.is_not(None)).order_by(*key).limit(ROWS_AT_ONCE)
    is_it = (CONTENT.c.account_id == sa.bindparam("its_account"), CONTENT.c.id == sa.bindparam("its_id"))
    last = (0, 0)
    # Each row is read once, by its key: to look for what is left from the first row on took time by its square.
    while rows := connection.execute(packed.where(sa.tuple_(*key) > last)).all():
        connection.execute(sa.update(CONTENT).where(*is_it), [_unpacked(row) for row in rows])
        last = (rows[-1].account_id, rows[-1].id)
    for name in REQUIRED:
        op.execute(f"ALTER TABLE content ALTER COLUMN {name} SET NOT NULL")
    op.execute("ALTER TABLE content ALTER COLUMN defects SET DEFAULT 0")
    op.execute("UPDATE content SET thread_id = id WHERE thread_id IS NULL")
    op.execute("ALTER TABLE content ALTER COLUMN thread_id SET NOT NULL")
    op.execute("ALTER TABLE content DROP COLUMN facts")


def _unpacked(row: sa.Row[Any]) -> dict[str, Any]:
    facts = unpack(bytes(row.facts))
    values = {name: getattr(facts, name) for name in REQUIRED}
    return values | {
        "its_account": row.account_id,
        "its_id": row.id,
        "facts": None,
        "forged_spans": [edge for span in facts.forged_spans for edge in span] or None,
        "reference_hashes": list(facts.reference_hashes) or None,
        "original_recipient": facts.original_recipient or None,
        "queue_id": facts.queue_id or None,
        "spam_reasons": to_json(facts.spam_reasons or SpamReasons()),
    }
