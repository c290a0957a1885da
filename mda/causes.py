"""The closed table of what a recipient or a message can be told, and why.

Offers one `Cause` per reason and its `Reply`: the reply code (RFC 5321 s4.2.3), the enhanced status code
(RFC 3463) and a fixed public text. Returns nothing that comes from the mail or from an exception: these texts go
over the wire and into the log of the sender's mail server.

The default is temporary: a cause is permanent only where the table says 5.x.x, and each such row is a statement
about the sender's mail or about a fresh answer from the primary database, never about trouble on our side.
"""

from enum import Enum

import msgspec


class Reply(msgspec.Struct, frozen=True):
    """One SMTP reply line: code (RFC 5321 s4.2), enhanced status code (RFC 3463), one line of ASCII text."""

    code: int
    enhanced: str
    text: str

    @property
    def is_temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


class Cause(Enum):
    """Why a recipient or a message is not (or not now) accepted."""

    # Temporary: ours to mend; the mail stays in Postfix's queue.
    DATABASE_UNAVAILABLE = Reply(451, "4.3.0", "metadata is not available now, try again later")
    STORAGE_UNAVAILABLE = Reply(451, "4.3.0", "storage is not available now, try again later")
    STORAGE_FULL = Reply(452, "4.3.1", "storage is full, try again later")
    OVERLOADED = Reply(451, "4.3.2", "too much work in hand, try again later")
    SHUTTING_DOWN = Reply(451, "4.3.2", "shutting down, try again later")
    DEADLINE_PASSED = Reply(451, "4.3.0", "delivery took too long, try again later")
    COMMIT_UNKNOWN = Reply(451, "4.3.0", "outcome of the commit is unknown, try again later")
    INTERNAL_ERROR = Reply(451, "4.3.0", "internal error, try again later")
    DOMAIN_NOT_CONFIGURED = Reply(451, "4.3.5", "domain is not configured here, try again later")
    ACCOUNT_BUSY = Reply(451, "4.3.2", "mailbox is busy, try again later")
    ACCOUNT_GONE = Reply(451, "4.3.0", "mailbox was there a moment ago, try again later")
    MAILBOX_FULL_FOR_NOW = Reply(452, "4.2.2", "mailbox is full, try again later")
    DOMAIN_FULL_FOR_NOW = Reply(452, "4.2.2", "mailboxes of this domain are full, try again later")
    TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "too many recipients in one transaction")

    # Permanent: proven by a fresh answer from the primary database, or by the message itself.
    UNKNOWN_RECIPIENT = Reply(550, "5.1.1", "no such mailbox here")
    ACCOUNT_DISABLED = Reply(550, "5.2.1", "mailbox is disabled")
    MAILBOX_FULL = Reply(552, "5.2.2", "mailbox is full")
    DOMAIN_FULL = Reply(552, "5.2.2", "mailboxes of this domain are full")
    MESSAGE_TOO_LARGE = Reply(552, "5.3.4", "message is larger than this system accepts")
    DELIVERY_LOOP = Reply(554, "5.4.6", "mail loop: message was delivered to this address before")

    @property
    def reply(self) -> Reply:
        return self.value
