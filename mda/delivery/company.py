"""How many a batch waits for, and how long (docs/decisions/0025-a-batch-waits-for-its-company.md).

Sessions that wait for their replies come back at once: as many are waited for as were in the last batch or had come by
its end. Those who bring mail as it comes to them, as Postfix's processes do, meet by chance: as many are waited for as
batches usually had. A lone message waits for nobody, as long as most of those before it were alone.
"""

RECENT_SHARE = 0.2
"""Of the last batch, in what is usual."""

MOST_USUAL = 4
"""As what a larger batch counts there, so that one among many lone messages is not usual, and those who have gone are
soon forgotten."""

WAIT_SHARE = 1.0
"""Of what the last batch took: how long the next one waits."""

MOST_WAIT_SECONDS = 0.01


class Company:
    """Of one lane, used by its thread."""

    def __init__(self) -> None:
        self.expected = 0
        """Messages; a batch that has as many waits no longer."""
        self.seconds = 0.0
        self._usual = 0.0

    def parted(self, size: int, seconds: float) -> None:
        """After a batch that took so long: how many were in it or had come by its end; 0: nobody came for a while."""
        self._usual = self._usual + RECENT_SHARE * (min(size, MOST_USUAL) - self._usual) if size else 0.0
        self.expected = max(size, round(self._usual))
        self.seconds = min(WAIT_SHARE * seconds, MOST_WAIT_SECONDS)
