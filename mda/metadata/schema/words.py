"""The closed sets of words that stand in text columns, and the bits of `message.flags`.

Each set is checked by the table that holds it; a new word needs a migration.
"""

from enum import IntFlag, StrEnum


class ShardState(StrEnum):
    """ACTIVE takes new accounts and mail; READONLY takes neither; DRAINING takes mail while accounts move away."""

    ACTIVE = "active"
    READONLY = "readonly"
    DRAINING = "draining"


class AccountState(StrEnum):
    """DELETED accounts refuse mail like unknown ones would, but keep their rows until they are purged."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class AddressKind(StrEnum):
    """ACCOUNT is an account's own address, ALIAS another one (perhaps of several accounts), CATCHALL a domain's
    (its local part is empty)."""

    ACCOUNT = "account"
    ALIAS = "alias"
    CATCHALL = "catchall"


class Role(StrEnum):
    """What a mailbox is for: RFC 6154 special-use attributes, and the INBOX."""

    INBOX = "inbox"
    JUNK = "junk"
    SENT = "sent"
    DRAFTS = "drafts"
    TRASH = "trash"
    ARCHIVE = "archive"


class PolicySubject(StrEnum):
    """What a policy row's pattern is compared with."""

    SENDER = "sender"
    SENDER_DOMAIN = "sender_domain"
    CLIENT_ADDRESS = "client_address"


class PolicyAction(StrEnum):
    """What a matching policy row asks for."""

    ACCEPT = "accept"
    JUNK = "junk"
    REJECT = "reject"


class Lesson(StrEnum):
    """What the trainer shall do with a row of `training_queue`: LEARN the mark, or FORGET one that is gone."""

    LEARN = "learn"
    FORGET = "forget"


class Flag(IntFlag):
    """Bits of `message.flags`: the system flags of RFC 9051 s2.3.2 (\\Recent is none of the store's)."""

    SEEN = 1
    ANSWERED = 2
    FLAGGED = 4
    DELETED = 8
    DRAFT = 16
