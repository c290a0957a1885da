"""The whole schema: directory, accounts' mail, receipts, what filters learn, trace, checkpoints, tasks.

Frozen SQL: what `mda.metadata.schema.tables` said when it was written. Later changes are migrations of their own.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE shard (
    id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    weight INTEGER DEFAULT 1 NOT NULL,
    state TEXT COLLATE "C" DEFAULT 'active' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT shard_pkey PRIMARY KEY (id),
    CONSTRAINT shard_name_key UNIQUE (name),
    CONSTRAINT shard_url_key UNIQUE (url),
    CONSTRAINT shard_state_check CHECK (state IN ('active', 'readonly', 'draining')),
    CONSTRAINT shard_weight_check CHECK (weight >= 0)
)
""",
    """
CREATE TABLE domain (
    name TEXT COLLATE "C" NOT NULL,
    alias_of TEXT COLLATE "C",
    settings JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT domain_pkey PRIMARY KEY (name),
    CONSTRAINT domain_alias_of_fkey FOREIGN KEY(alias_of) REFERENCES domain (name),
    CONSTRAINT domain_alias_of_check CHECK (alias_of <> name)
)
""",
    """
CREATE TABLE account (
    id BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
    shard_id BIGINT NOT NULL,
    quota_bytes BIGINT,
    quota_messages BIGINT,
    state TEXT COLLATE "C" DEFAULT 'active' NOT NULL,
    spam_threshold DOUBLE PRECISION,
    settings JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (id),
    CONSTRAINT account_address_key UNIQUE (address),
    CONSTRAINT account_shard_id_fkey FOREIGN KEY(shard_id) REFERENCES shard (id),
    CONSTRAINT account_state_check CHECK (state IN ('active', 'disabled', 'deleted')),
    CONSTRAINT account_id_check CHECK (id > 0)
)
""",
    """
CREATE TABLE address (
    domain TEXT COLLATE "C" NOT NULL,
    local_part TEXT COLLATE "C" NOT NULL,
    account_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT address_pkey PRIMARY KEY (domain, local_part, account_id),
    CONSTRAINT address_domain_fkey FOREIGN KEY(domain) REFERENCES domain (name),
    CONSTRAINT address_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT address_kind_check CHECK (kind IN ('account', 'alias', 'catchall')),
    CONSTRAINT address_catchall_check CHECK ((kind = 'catchall') = (local_part = ''))
);
CREATE INDEX address_account_id_idx ON address (account_id);
CREATE UNIQUE INDEX address_account_key ON address (account_id) WHERE kind = 'account';
CREATE UNIQUE INDEX address_own_key ON address (domain, local_part) WHERE kind = 'account'
""",
    """
CREATE TABLE policy (
    id BIGINT NOT NULL,
    domain TEXT COLLATE "C",
    subject TEXT COLLATE "C" NOT NULL,
    pattern TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT policy_pkey PRIMARY KEY (id),
    CONSTRAINT policy_domain_fkey FOREIGN KEY(domain) REFERENCES domain (name),
    CONSTRAINT policy_subject_check CHECK (subject IN ('sender', 'sender_domain', 'client_address')),
    CONSTRAINT policy_action_check CHECK (action IN ('accept', 'junk', 'reject'))
);
CREATE UNIQUE INDEX policy_key ON policy (domain, subject, pattern) NULLS NOT DISTINCT
""",
    """
CREATE TABLE account_state (
    account_id BIGINT NOT NULL,
    modseq BIGINT DEFAULT 0 NOT NULL,
    bytes BIGINT DEFAULT 0 NOT NULL,
    message_count BIGINT DEFAULT 0 NOT NULL,
    next_uid_validity BIGINT DEFAULT 1 NOT NULL,
    CONSTRAINT account_state_pkey PRIMARY KEY (account_id),
    CONSTRAINT account_state_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
) WITH (fillfactor = 50)
""",
    """
CREATE TABLE mailbox (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    parent_id BIGINT,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C",
    subscribed BOOLEAN DEFAULT true NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid_next BIGINT DEFAULT 1 NOT NULL,
    vanished_floor BIGINT DEFAULT 0 NOT NULL,
    modseq BIGINT DEFAULT 0 NOT NULL,
    message_count BIGINT DEFAULT 0 NOT NULL,
    unseen_count BIGINT DEFAULT 0 NOT NULL,
    bytes BIGINT DEFAULT 0 NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT mailbox_pkey PRIMARY KEY (account_id, id),
    CONSTRAINT mailbox_account_id_fkey FOREIGN KEY(account_id) REFERENCES account_state (account_id),
    CONSTRAINT mailbox_account_id_parent_id_fkey FOREIGN KEY(account_id, parent_id) REFERENCES mailbox (account_id, id),
    CONSTRAINT mailbox_role_check CHECK (role IN ('inbox', 'junk', 'sent', 'drafts', 'trash', 'archive')),
    CONSTRAINT mailbox_name_check CHECK (name <> '')
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX mailbox_name_key ON mailbox (account_id, parent_id, name) NULLS NOT DISTINCT
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX mailbox_role_key ON mailbox (account_id, role)
    WHERE role IS NOT NULL AND deleted_at IS NULL
""",
    """
CREATE TABLE message (
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    flags INTEGER DEFAULT 0 NOT NULL,
    keywords TEXT[] COLLATE "C",
    modseq BIGINT NOT NULL,
    internal_date TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT message_pkey PRIMARY KEY (account_id, mailbox_id, uid) INCLUDE (flags, modseq)
);
CREATE INDEX message_content_id_idx ON message (account_id, content_id)
""",
    """
CREATE TABLE content (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    shard_id BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL,
    size BIGINT NOT NULL,
    delivered_size BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    envelope BYTEA NOT NULL,
    body_structure BYTEA NOT NULL,
    structure BYTEA NOT NULL,
    prefix BYTEA NOT NULL,
    forged_spans BIGINT[],
    thread_id BIGINT NOT NULL,
    message_id_hash BIGINT,
    reference_hashes BIGINT[],
    subject_base TEXT COLLATE "C" NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    preview TEXT COLLATE "C" NOT NULL,
    has_attachment BOOLEAN DEFAULT false NOT NULL,
    spam_score REAL,
    spam_reasons JSONB,
    defects BIGINT DEFAULT 0 NOT NULL,
    original_recipient TEXT COLLATE "C",
    queue_id TEXT COLLATE "C",
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT content_pkey PRIMARY KEY (account_id, id)
)
""",
    """
CREATE TABLE receipt (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    content_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT receipt_pkey PRIMARY KEY (account_id, digest),
    CONSTRAINT receipt_digest_check CHECK (octet_length(digest) = 16)
);
CREATE INDEX receipt_received_at_idx ON receipt USING brin (account_id, received_at)
""",
    """
CREATE TABLE expunged (
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    flags INTEGER DEFAULT 0 NOT NULL,
    keywords TEXT[] COLLATE "C",
    modseq BIGINT NOT NULL,
    internal_date TIMESTAMP WITH TIME ZONE NOT NULL,
    expunged_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT expunged_pkey PRIMARY KEY (account_id, mailbox_id, uid)
);
CREATE INDEX expunged_content_id_idx ON expunged (account_id, content_id);
CREATE INDEX expunged_modseq_idx ON expunged (account_id, mailbox_id, modseq)
""",
    """
CREATE TABLE mark (
    account_id BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    is_spam BOOLEAN NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    marked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT mark_pkey PRIMARY KEY (account_id, content_id)
)
""",
    """
CREATE TABLE user_weights (
    account_id BIGINT NOT NULL,
    version BIGINT DEFAULT 0 NOT NULL,
    feature_version INTEGER NOT NULL,
    weights BYTEA NOT NULL,
    ham_count BIGINT DEFAULT 0 NOT NULL,
    spam_count BIGINT DEFAULT 0 NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT user_weights_pkey PRIMARY KEY (account_id)
)
""",
    """
CREATE TABLE correspondent (
    account_id BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    received_count BIGINT DEFAULT 0 NOT NULL,
    sent_count BIGINT DEFAULT 0 NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT correspondent_pkey PRIMARY KEY (account_id, address)
)
""",
    """
CREATE TABLE training_queue (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    is_spam BOOLEAN NOT NULL,
    attempts BIGINT DEFAULT 0 NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT training_queue_pkey PRIMARY KEY (account_id, id)
)
""",
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
) PARTITION BY RANGE (occurred_at);
CREATE INDEX trace_message_id_hash_idx ON trace (message_id_hash);
CREATE INDEX trace_queue_id_idx ON trace (queue_id);
CREATE INDEX trace_recipient_idx ON trace (recipient);
CREATE TABLE trace_default PARTITION OF trace DEFAULT
""",
    """
CREATE TABLE checkpoint (
    shard_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (shard_id, id),
    CONSTRAINT checkpoint_shard_id_fkey FOREIGN KEY(shard_id) REFERENCES shard (id)
)
""",
    """
CREATE TABLE task (
    id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    arguments JSONB DEFAULT '{}'::jsonb NOT NULL,
    run_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    attempts BIGINT DEFAULT 0 NOT NULL,
    last_error TEXT COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT task_pkey PRIMARY KEY (id)
);
CREATE INDEX task_run_at_idx ON task (run_at)
""",
)
"""In the order of their references."""

NAMES = (
    "shard",
    "domain",
    "account",
    "address",
    "policy",
    "account_state",
    "mailbox",
    "message",
    "content",
    "receipt",
    "expunged",
    "mark",
    "user_weights",
    "correspondent",
    "training_queue",
    "trace",
    "checkpoint",
    "task",
)


def upgrade() -> None:
    for statements in TABLES:
        op.execute(statements)


def downgrade() -> None:
    for name in reversed(NAMES):
        op.execute(f"DROP TABLE {name}")
