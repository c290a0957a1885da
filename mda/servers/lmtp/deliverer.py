"""What the LMTP server asks of the delivery behind it.

The server knows nothing of accounts, storage or databases; it keeps what `resolve` returned and hands it back.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from mda.binding.brief import Found
from mda.binding.reader import Reader
from mda.causes import Cause, Reply
from mda.envelope import Envelope, Peer, Recipient

Accepted: TypeAlias = Any
"""What `resolve` found out about a recipient; opaque here."""


class Deliverer(Protocol):
    def recall(self, recipient: Recipient, reverse_path: str, size: int = 0, /) -> Accepted | None:
        """What `resolve` would find out, where it is known at once; None: ask it."""

    async def resolve(self, recipient: Recipient, reverse_path: str, size: int = 0, /) -> Accepted | Cause:
        """Who is behind the address, or why it is not accepted. Runs concurrently for pipelined RCPTs.

        `size` in octets as SIZE announced it, 0 where it did not.
        """

    def holds_until(self, recipient: Recipient, accepted: Accepted, /) -> float:
        """Up to when (time.monotonic()) this recipient, accepted just now, may be accepted without asking whatever the
        reverse-path and the size; 0 where each must be asked for."""

    def held(self, accepted: Accepted, /) -> Accepted:
        """What is handed back of a recipient that was accepted so, for what `recall` or `resolve` returned."""

    def follow(self, forget: Callable[[], object], trust: Callable[[float], object], /) -> None:
        """From now on `forget` is called when what `holds_until` has said holds no longer, and `trust` with how long
        (time.monotonic()) a change would be heard of: behind that moment nothing holds."""

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause, /) -> None:
        """Told of each recipient that was not accepted, with who brought it."""

    def reader(self) -> Reader:
        """What reads messages that are to be delivered, before they are; the same one while nothing has changed."""

    def begin(
        self,
        envelope: Envelope,
        accepted: tuple[Accepted, ...],
        raw: bytes,
        answer: Callable[[tuple[Reply, ...]], None],
        found: Found | None,
        /,
    ) -> bool:
        """As `deliver`, where that can be begun at once: True, and `answer` is called once with the replies, from any
        thread, and it may be before this returns. False, or an exception: nothing was begun, and it is not called.
        """

    def on_answers(self, flush: Callable[[], object], /) -> None:
        """From now on `flush` is called behind the answers of what was begun, in the thread that gave them, once for
        all that it knew together."""

    async def deliver(
        self, envelope: Envelope, accepted: tuple[Accepted, ...], raw: bytes, found: Found | None, /
    ) -> tuple[Reply, ...]:
        """Exactly one reply per accepted recipient, in their order; a 2xx promises that the mail is durable.

        `raw` is the message with its line ends as they came, dot-unstuffed; `found` is of `reader`, where that has read
        it. Once called it runs to its end, also when the peer has gone.
        """
