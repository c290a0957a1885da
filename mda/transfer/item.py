"""One message on its way in or out, with what mail files say beside its bytes."""

from dataclasses import dataclass
from datetime import datetime

from mda.metadata.schema.words import Flag

NO_FLAGS = Flag(0)


@dataclass(frozen=True, slots=True)
class Item:
    """`raw` has the store's line ends; `mailbox` is a path, empty for the one that the caller names. `size` is what it
    takes in its file, for progress."""

    raw: bytes
    received_at: datetime
    flags: Flag = NO_FLAGS
    keywords: tuple[str, ...] = ()
    mailbox: str = ""
    prefix: bytes = b""
    forged_spans: tuple[tuple[int, int], ...] = ()
    """Of a message that was delivered before: what makes its delivered form (mda.delivery.delivered_form)."""
    size: int = 0
