"""The whole schema: what every part of the metadata is kept in.

Offers one `Table` per table and the `METADATA` that holds them. Rules (held by a test): what an account owns has
account_id as the first column of every primary key, unique constraint, foreign key and index, so that one
PostgreSQL and a cluster distributed by account run the same schema; tables of the directory are copied to every
node, so nothing in them changes per delivery, and they alone have triggers (migration 0008); no sequences, no
extensions; text is COLLATE "C".
"""

from mda.metadata.schema.account_tables import (
    account_state,
    content,
    correspondent,
    expunged,
    mailbox,
    mark,
    message,
    quota_warning,
    receipt,
    replica,
    training_queue,
    user_weights,
)
from mda.metadata.schema.directory_tables import METADATA, account, address, domain, domain_quota, policy, shard
from mda.metadata.schema.service_tables import checkpoint, purged, task, trace

__all__ = [
    "METADATA",
    "account",
    "account_state",
    "address",
    "checkpoint",
    "content",
    "correspondent",
    "domain",
    "domain_quota",
    "expunged",
    "mailbox",
    "mark",
    "message",
    "policy",
    "purged",
    "quota_warning",
    "receipt",
    "replica",
    "shard",
    "task",
    "trace",
    "training_queue",
    "user_weights",
]
