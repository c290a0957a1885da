"""What reads messages in a thread of the C core, before anybody hands them over (csrc/antispam/reader.h)."""

from typing import Any

from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.binding.campaigns import CampaignTable
from mda.binding.spam_model import Model

READ_OCTETS = 262_144
"""Up to here a message is read by whoever has it in hand; above, that would hold up all others there."""


class Reader:
    """Finds the brief of a message (`mda.binding.brief`), scores it where there is a model, and counts it where there
    are campaigns, which may be closed only when it is in use no more. MemoryError where there is no room for it."""

    def __init__(self, model: Model | None, campaigns: CampaignTable | None) -> None:
        self.model = model
        self._campaigns = campaigns
        table = (-1, 0) if campaigns is None else (campaigns.descriptor, campaigns.bits)
        pointer = _lib.spam_reader_new(_ffi.NULL if model is None else model.pointer, *table)
        if not pointer:
            raise MemoryError("no memory to read messages")
        self._pointer = _ffi.gc(pointer, _lib.spam_reader_free)

    @property
    def version(self) -> str:
        """Of its model; empty where it has none."""
        return "" if self.model is None else self.model.version

    @property
    def pointer(self) -> Any:
        """The spam_reader; it lives as long as this object."""
        return self._pointer
