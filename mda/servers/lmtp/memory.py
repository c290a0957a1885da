"""The bound on what all sessions of a worker have collected and not yet handed over or dropped."""


class HeldOctets:
    """Counts octets of messages in the making. Beyond the limit a message is not kept: its recipients are told 451,
    which costs the peer another try, where waiting could deadlock half-collected messages against each other."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @property
    def held(self) -> int:
        return self._held

    def change(self, octets: int) -> bool:
        """Adds or takes away; False when the limit is passed."""
        self._held += octets
        return octets <= 0 or self._held <= self._limit
