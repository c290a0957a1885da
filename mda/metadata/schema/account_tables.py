"""What an account owns: its counters, mailboxes, messages, contents, receipts, and what it has taught the filter.

account_id leads every key here, so all of an account's rows live on one node. The tables that each delivery writes
(message, content, receipt) have no foreign keys: every writer holds the account's `account_state` row locked, and
two look-ups per message would cost a third of the delivery's server time.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

from mda.metadata.schema.columns import (
    PER_ACCOUNT,
    TEXT,
    TIME,
    account_id,
    bigint,
    counter,
    moment,
    one_of,
    optional,
    required,
)
from mda.metadata.schema.directory_tables import METADATA
from mda.metadata.schema.words import Lesson, Role

FLAGS = text("0")

account_state = Table(
    "account_state",
    METADATA,
    account_id(),
    counter("modseq"),  # account-wide: one number serves CONDSTORE, QRESYNC and a JMAP state
    counter("bytes"),  # delivered sizes of all messages
    counter("message_count"),
    counter("next_uid_validity", 1),  # ever increasing, never from the clock
    optional("warned_at", TIME),  # when it was seen to reach its quota's soft limit; null: it has not, or fell below
    PrimaryKeyConstraint("account_id"),
    ForeignKeyConstraint(["account_id"], ["account.id"]),
    # Updated with every delivery and no counter indexed: half-empty pages keep the updates HOT.
    postgresql_with={"fillfactor": 50},
    info={PER_ACCOUNT: True},
)

quota_warning = Table(
    "quota_warning",
    METADATA,
    account_id(),
    required("crossed_at", TIME),  # `warned_at` of the account or the domain
    Column("domain", TEXT, nullable=False, server_default=""),  # whose quota it is; empty: the account's own
    bigint("used_bytes"),
    bigint("used_messages"),
    optional("quota_bytes", BigInteger()),
    optional("quota_messages", BigInteger()),
    PrimaryKeyConstraint("account_id", "crossed_at", "domain"),
    info={PER_ACCOUNT: True},
)
"""Warnings that are to be written, as things stood when the soft limit was reached; gone once they are in the INBOX."""

mailbox = Table(
    "mailbox",
    METADATA,
    account_id(),
    bigint("id"),
    optional("parent_id", BigInteger()),
    required("name"),  # of one level; INBOX is spelled in capitals (RFC 9051 s5.1)
    optional("role"),
    Column("subscribed", Boolean, nullable=False, server_default=true()),
    bigint("uid_validity"),
    counter("uid_next", 1),
    counter("vanished_floor"),  # below this modseq a client must resynchronise in full
    counter("modseq"),  # of the last change in it
    counter("message_count"),
    counter("unseen_count"),
    counter("bytes"),
    optional("deleted_at", TIME),
    PrimaryKeyConstraint("account_id", "id"),
    ForeignKeyConstraint(["account_id"], ["account_state.account_id"]),
    ForeignKeyConstraint(["account_id", "parent_id"], ["mailbox.account_id", "mailbox.id"]),
    one_of("role", Role),
    CheckConstraint("name <> ''", name="name"),
    Index(
        "mailbox_name_key",
        "account_id",
        "parent_id",
        "name",
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "mailbox_role_key",
        "account_id",
        "role",
        unique=True,
        postgresql_where=text("role IS NOT NULL AND deleted_at IS NULL"),
    ),
    postgresql_with={"fillfactor": 70},
    info={PER_ACCOUNT: True},
)

message = Table(
    "message",
    METADATA,
    account_id(),
    bigint("mailbox_id"),
    bigint("uid"),
    bigint("content_id"),
    Column("flags", Integer, nullable=False, server_default=FLAGS),  # bits of mda.metadata.schema.words.Flag
    optional("keywords", ARRAY(TEXT)),
    bigint("modseq"),
    required("internal_date", TIME),
    # A mailbox is opened by an index-only scan: 7 ms cold for 10,000 messages where the heap takes 656 ms.
    PrimaryKeyConstraint("account_id", "mailbox_id", "uid", postgresql_include=["flags", "modseq"]),
    Index("message_content_id_idx", "account_id", "content_id"),  # in which mailboxes is it, and is it the last?
    info={PER_ACCOUNT: True},
)

content = Table(
    "content",
    METADATA,
    account_id(),
    bigint("id"),  # EMAILID of RFC 8474
    bigint("shard_id"),
    bigint("segment"),
    bigint("offset"),
    bigint("length"),  # of the record in the segment
    bigint("size"),  # of the stored form
    bigint("delivered_size"),
    required("digest", LargeBinary()),  # SHA-256 of the stored form
    optional("thread_id", BigInteger()),  # null: a thread of its own, named as the content
    optional("message_id_hash", BigInteger()),
    optional("sent_at", TIME),
    Column("has_attachment", Boolean, nullable=False, server_default=false()),
    optional("spam_score", REAL()),
    required("received_at", TIME),
    optional("facts", LargeBinary()),  # mda/metadata/content/facts.py
    # What rows of before have in place of `facts`.
    optional("envelope", LargeBinary()),
    optional("body_structure", LargeBinary()),
    optional("structure", LargeBinary()),
    optional("prefix", LargeBinary()),
    optional("subject_base"),
    optional("preview"),
    optional("spam_reasons", JSONB()),
    optional("forged_spans", ARRAY(BigInteger)),
    optional("reference_hashes", ARRAY(BigInteger)),
    optional("defects", BigInteger()),
    optional("original_recipient"),
    optional("queue_id"),
    PrimaryKeyConstraint("account_id", "id"),
    info={PER_ACCOUNT: True},
)

replica = Table(
    "replica",
    METADATA,
    account_id(),
    bigint("content_id"),
    bigint("shard_id"),
    bigint("segment"),
    bigint("offset"),
    bigint("length"),
    PrimaryKeyConstraint("account_id", "content_id"),
    info={PER_ACCOUNT: True},
)
"""Where the second record of a content lies. A table of its own: an account without a second shard pays nothing."""

receipt = Table(
    "receipt",
    METADATA,
    account_id(),
    required("digest", LargeBinary()),  # 16 bytes
    bigint("content_id"),
    bigint("mailbox_id"),
    bigint("uid"),
    required("received_at", TIME),
    PrimaryKeyConstraint("account_id", "digest"),
    # BRIN summarises each column on its own, so the old rows are found by time though account_id leads.
    Index("receipt_received_at_idx", "account_id", "received_at", postgresql_using="brin"),
    CheckConstraint("octet_length(digest) = 16", name="digest"),
    info={PER_ACCOUNT: True},
)

expunged = Table(
    "expunged",
    METADATA,
    account_id(),
    bigint("mailbox_id"),
    bigint("uid"),
    bigint("content_id"),
    Column("flags", Integer, nullable=False, server_default=FLAGS),
    optional("keywords", ARRAY(TEXT)),
    bigint("modseq"),  # of the expunge
    required("internal_date", TIME),
    moment("expunged_at"),
    # It lives on under another UID: the row is kept for VANISHED, and undelete passes it by.
    Column("is_moved", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("account_id", "mailbox_id", "uid"),
    Index("expunged_modseq_idx", "account_id", "mailbox_id", "modseq"),  # VANISHED of RFC 7162 s3.2.10
    Index("expunged_content_id_idx", "account_id", "content_id"),
    info={PER_ACCOUNT: True},
)

mark = Table(
    "mark",
    METADATA,
    account_id(),
    bigint("content_id"),  # negative: of a message that is in no mailbox, its digest's head
    Column("is_spam", Boolean, nullable=False),
    required("source"),  # what said so: a move, a keyword, the admin
    moment("marked_at"),
    optional("view", LargeBinary()),  # csrc/antispam/personal.h; null: not read yet
    optional("feature_version", Integer()),
    optional("base", REAL()),  # the global log-odds of spam, without any user's part
    optional("campaign", BigInteger()),
    optional("step", REAL()),  # what each weight of the view got in the global model; null: nothing yet
    PrimaryKeyConstraint("account_id", "content_id"),
    info={PER_ACCOUNT: True},
)

user_weights = Table(
    "user_weights",
    METADATA,
    account_id(),
    counter("version"),
    Column("feature_version", Integer, nullable=False),
    required("weights", LargeBinary()),
    counter("ham_count"),
    counter("spam_count"),
    moment("updated_at"),
    PrimaryKeyConstraint("account_id"),
    info={PER_ACCOUNT: True},
)

correspondent = Table(
    "correspondent",
    METADATA,
    account_id(),
    required("address"),
    counter("received_count"),
    counter("sent_count"),
    moment("first_seen_at"),
    moment("last_seen_at"),
    PrimaryKeyConstraint("account_id", "address"),
    info={PER_ACCOUNT: True},
)

training_queue = Table(
    "training_queue",
    METADATA,
    account_id(),
    bigint("id"),
    bigint("content_id"),
    Column("is_spam", Boolean, nullable=False),
    counter("attempts"),
    moment("queued_at"),
    Column("lesson", TEXT, nullable=False, server_default=Lesson.LEARN.value),
    optional("view", LargeBinary()),  # of a mark that is gone: what to take back
    optional("step", REAL()),
    PrimaryKeyConstraint("account_id", "id"),
    one_of("lesson", Lesson),
    info={PER_ACCOUNT: True},
)
