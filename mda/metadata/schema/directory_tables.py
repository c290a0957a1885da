"""The directory's tables: shards, domains, accounts, addresses, policy; and the METADATA that all tables join.

On a cluster these are reference tables, copied to every node. Nothing in them changes with a delivery: what does is
in `account_state`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from mda.metadata.schema.columns import (
    REFERENCE,
    TEXT,
    TIME,
    bigint,
    counter,
    document,
    make_metadata,
    moment,
    one_of,
    optional,
    percentage,
    required,
)
from mda.metadata.schema.words import AccountState, AddressKind, PolicyAction, PolicySubject, ShardState

METADATA = make_metadata()

shard = Table(
    "shard",
    METADATA,
    bigint("id"),
    required("name"),
    required("url"),  # file:///... or s3://...
    Column("weight", Integer, nullable=False, server_default=text("1")),
    Column("state", TEXT, nullable=False, server_default=ShardState.ACTIVE.value),
    moment("created_at"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("name"),
    UniqueConstraint("url"),  # two shards in one folder would claim each other's segments
    one_of("state", ShardState),
    CheckConstraint("weight >= 0", name="weight"),
    info={REFERENCE: True},
)

domain = Table(
    "domain",
    METADATA,
    required("name"),  # as mda.address.domain_key gives it
    optional("alias_of"),  # every address of this domain is then that of the same local part there
    document("settings"),
    moment("created_at"),
    optional("spam_threshold", Double()),  # null: spam.threshold of the settings
    PrimaryKeyConstraint("name"),
    ForeignKeyConstraint(["alias_of"], ["domain.name"]),
    CheckConstraint("alias_of <> name", name="alias_of"),
    info={REFERENCE: True},
)

account = Table(
    "account",
    METADATA,
    bigint("id"),
    required("address"),  # in RFC 5321 form with the keys of mda.address; its row of kind account is in `address`
    optional("password_hash"),
    bigint("shard_id"),
    optional("quota_bytes", BigInteger()),  # null: no limit
    optional("quota_messages", BigInteger()),
    Column("state", TEXT, nullable=False, server_default=AccountState.ACTIVE.value),
    optional("spam_threshold", Double()),  # null: its domain's
    document("settings"),
    moment("created_at"),
    optional("retention_days", Integer()),  # of expunged messages; null: storage.retention_days of the settings
    optional("held_at", TIME),  # legal hold: until it is lifted nothing of the account is purged
    optional("hold_reason"),
    optional("replica_shard_id", BigInteger()),  # where its bodies lie a second time; null: nowhere
    optional("warn_percent", Integer()),  # of the quota, as is grace_percent; null: quota.* of the settings
    optional("grace_percent", Integer()),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("address"),
    ForeignKeyConstraint(["shard_id"], ["shard.id"]),
    ForeignKeyConstraint(["replica_shard_id"], ["shard.id"]),
    one_of("state", AccountState),
    CheckConstraint("id > 0", name="id"),
    CheckConstraint("replica_shard_id <> shard_id", name="replica_shard_id"),
    CheckConstraint("retention_days >= 0", name="retention_days"),
    percentage("warn_percent"),
    percentage("grace_percent"),
    info={REFERENCE: True},
)

domain_quota = Table(
    "domain_quota",
    METADATA,
    required("domain"),
    optional("quota_bytes", BigInteger()),  # of all its accounts together; null: no limit
    optional("quota_messages", BigInteger()),
    optional("warn_percent", Integer()),  # null: quota.* of the settings
    optional("grace_percent", Integer()),
    counter("used_bytes"),  # as it was counted at counted_at
    counter("used_messages"),
    optional("counted_at", TIME),  # null: not yet
    Column("counting_seconds", Double, nullable=False, server_default=text("0")),
    optional("warned_at", TIME),  # null: below its soft limit
    PrimaryKeyConstraint("domain"),
    ForeignKeyConstraint(["domain"], ["domain.name"], ondelete="CASCADE"),
    percentage("warn_percent"),
    percentage("grace_percent"),
    info={REFERENCE: True},
)
"""Of the domains that have one. What is used is counted now and then, never by a delivery: all deliveries of a domain
would wait for this row."""

address = Table(
    "address",
    METADATA,
    required("domain"),
    required("local_part"),  # as mda.address.local_key gives it; empty for a catch-all
    bigint("account_id"),
    required("kind"),
    moment("created_at"),
    # Domain first: one probe also answers whether a domain has any address at all.
    PrimaryKeyConstraint("domain", "local_part", "account_id"),
    ForeignKeyConstraint(["domain"], ["domain.name"]),
    ForeignKeyConstraint(["account_id"], ["account.id"]),
    one_of("kind", AddressKind),
    CheckConstraint("(kind = 'catchall') = (local_part = '')", name="catchall"),
    # An account's own address belongs to it alone, and it has one.
    Index("address_own_key", "domain", "local_part", unique=True, postgresql_where=text("kind = 'account'")),
    Index("address_account_key", "account_id", unique=True, postgresql_where=text("kind = 'account'")),
    Index("address_account_id_idx", "account_id"),
    info={REFERENCE: True},
)

policy = Table(
    "policy",
    METADATA,
    bigint("id"),
    optional("domain"),  # null: for every domain
    required("subject"),
    required("pattern"),
    required("action"),
    Column("note", TEXT, nullable=False, server_default=""),
    moment("created_at"),
    optional("expires_at", TIME),
    optional("account_id", BigInteger()),  # for this account alone; `domain` is null then
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["domain"], ["domain.name"]),
    ForeignKeyConstraint(["account_id"], ["account.id"]),
    CheckConstraint("account_id IS NULL OR domain IS NULL", name="account_id"),
    one_of("subject", PolicySubject),
    one_of("action", PolicyAction),
    Index(
        "policy_key",
        "account_id",
        "domain",
        "subject",
        "pattern",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    info={REFERENCE: True},
)
