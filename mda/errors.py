"""The exceptions that cross module borders.

    MdaError                  what happened, and the way out
    ├── SettingsError         a settings file or value is wrong                     (the admin mends it)
    ├── NotFound              the named account, mailbox, message ... is not there  (the admin mends it)
    ├── Conflict              the name is taken, or the state forbids the change    (the admin mends it)
    ├── InvalidValue          a value can't be what it claims to be                 (the caller mends it)
    ├── DatabaseUnavailable   PostgreSQL can't be reached, or broke off             (temporary)
    ├── CommitUnknown         the connection broke during COMMIT: it may have happened
    ├── StorageUnavailable    a shard can't be read or written                      (temporary)
    │   └── StorageFull       ENOSPC or EDQUOT
    └── RecordDamaged         stored bytes do not match their checksum

An error's `message` names the thing; `remedy` says what to do about it. Neither goes to a mail peer: peers get the
fixed texts of `mda.causes`.
"""


class MdaError(Exception):
    """What happened (`message`) and the way out (`remedy`, may be empty)."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class SettingsError(MdaError):
    """A settings file or value is wrong."""


class NotFound(MdaError):
    """The named thing does not exist."""


class Conflict(MdaError):
    """The name is taken, or the thing's state forbids the change."""


class InvalidValue(MdaError):
    """A value is not what its field asks for."""


class DatabaseUnavailable(MdaError):
    """PostgreSQL can't be reached, refused us, or broke off before COMMIT was sent."""


class CommitUnknown(MdaError):
    """The connection broke after COMMIT was sent: the transaction may or may not have happened."""


class StorageUnavailable(MdaError):
    """A shard can't be read or written now."""


class StorageFull(StorageUnavailable):
    """A shard has no space left (ENOSPC, EDQUOT)."""


class RecordDamaged(MdaError):
    """Stored bytes do not match their checksum or can't be decoded."""
