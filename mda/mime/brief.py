"""What a delivery asks of a message, in one call of the C core; finished here where that knows no charset for it."""

from msgspec.structs import replace

from mda.binding import Brief, CampaignTable, Found, Model, SpamScore, brief_of, brief_of_found, examine
from mda.identifiers import message_id_hash
from mda.mime import message
from mda.mime.addresses import Mailbox


def read(
    raw: bytes, model: Model | None = None, campaigns: CampaignTable | None = None
) -> tuple[Brief, SpamScore | None]:
    """A message parsed and, with a model, scored, as `mda.binding.brief_of` does it."""
    return _whole(raw, *brief_of(raw, model, campaigns))


def read_found(raw: bytes, found: Found) -> tuple[Brief, SpamScore | None]:
    """The same of a message that has been read before it came here."""
    return _whole(raw, *brief_of_found(found))


def _whole(raw: bytes, found: Brief, score: SpamScore | None) -> tuple[Brief, SpamScore | None]:
    return (found if found.is_finished else _finished(raw, found)), score


def _finished(raw: bytes, found: Brief) -> Brief:
    """By a second parse that finds everything: one mail in hundreds has words in such a charset."""
    whole = message.read(examine(raw))
    sender = whole.addresses("from")
    only = sender[0] if len(sender) == 1 else None
    return replace(
        found,
        is_finished=True,
        subject_base=whole.subject_base,
        message_id=whole.message_id,
        message_id_hash=message_id_hash(whole.message_id) if whole.message_id else None,
        reference_hashes=tuple(map(message_id_hash, whole.references)),
        preview=whole.preview,
        author=(only.local_part, only.host) if isinstance(only, Mailbox) else None,
    )
