"""The recipients that the front accepts by itself (mda.binding.front): what the deliverer knows of them, by number.

A number stays good behind the line that it was made for: a transaction may have begun before the line was forgotten.
Only the last MOST are kept, of which the front uses the last 6,000 for new transactions (csrc/lmtp/known.h); whose
number is gone before its message has come gets a temporary reply.
"""

from itertools import count

from mda.binding.front import Front
from mda.envelope import Recipient
from mda.servers.lmtp.deliverer import Accepted, Deliverer

MOST = 8_000
"""One has up to 15 KB, where its user has marked much."""


class Acquaintances:
    """Used in one event loop; `Front` forgets and trusts as the deliverer says (`Deliverer.follow`)."""

    def __init__(self, front: Front, deliverer: Deliverer) -> None:
        self._front = front
        self._deliverer = deliverer
        self._numbers = count(1)
        self._known: dict[int, tuple[Recipient, Accepted]] = {}
        deliverer.follow(front.forget, front.trust)

    def make(self, line: bytes, recipient: Recipient, accepted: Accepted) -> None:
        """A RCPT line has been accepted: the front may do so from now on, as long as the deliverer holds to it."""
        until = self._deliverer.holds_until(recipient, accepted)
        if not until:
            return
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        number = next(self._numbers)
        self._known[number] = recipient, self._deliverer.held(accepted)
        self._front.know(line, number, until)

    def get(self, number: int) -> tuple[Recipient, Accepted] | None:
        """Who was accepted by this number."""
        return self._known.get(number)
