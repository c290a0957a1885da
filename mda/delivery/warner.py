"""Warnings of quotas: noticed by deliveries, settled and written beside them.

A delivery compares a few numbers that it has at hand and, where an account seems to have crossed its soft limit,
leaves a notice in memory. Every SETTLE_SECONDS the notices are settled in the database (`quota_warnings`: what is to
be written is committed first), then the mails are delivered like any other, each with the receipt of its crossing.
Whatever is broken off on the way is taken up by this worker or another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Protocol, TypeVar

from mda import quota
from mda.causes import Cause
from mda.delivery.copies import Copy
from mda.delivery.plan import Placement
from mda.errors import MdaError
from mda.logs import logger
from mda.metadata.delivery.deliver import Stored
from mda.metadata.directory.quota_warnings import Notice, QuotaWarning
from mda.metadata.directory.resolve import Target
from mda.metrics import recorder
from mda.metrics.families import QUOTA_WARNINGS

SETTLE_SECONDS = 2.0
LOOK_ROUNDS = 5
"""So many rounds until what others may have left is looked for, and a sweep asked for."""

MOST_NOTICES = 10_000
"""A notice that finds no room is left again by the account's next mail."""

Answer = TypeVar("Answer")


class Outbox(Protocol):
    """What is known in the database; each call blocks."""

    def settle(self, notices: Iterable[Notice]) -> tuple[int, ...]: ...
    def sweep(self) -> tuple[Notice, ...]: ...
    def pending(self, mine: Iterable[int]) -> tuple[QuotaWarning, ...]: ...
    def forget(self, warning: QuotaWarning) -> None: ...


Write = Callable[[QuotaWarning], Awaitable[bool]]
"""Delivers one mail; whether it is in the INBOX."""


class Warner:
    """Used in one event loop."""

    def __init__(self, outbox: Outbox, chores: Executor, warn_percent: int) -> None:
        self._outbox = outbox
        self._chores = chores
        self._warn_percent = warn_percent
        self._notices: dict[int, Notice] = {}

    def note(self, copies: Sequence[Copy], outcomes: Sequence[Stored | Cause]) -> None:
        """After a delivery."""
        for copy, outcome in zip(copies, outcomes, strict=True):
            if not copy.target.has_quota:
                continue
            self._look(copy.target)  # it may have been emptied before, and filled by this one
            if isinstance(outcome, Stored) and not outcome.is_duplicate and isinstance(copy.decision, Placement):
                copy.target.stored(copy.decision.delivered_size, outcome.modseq)
                self._look(copy.target)

    def refused(self, targets: Sequence[Target]) -> None:
        """After a recipient of whose accounts some get no mail: a full one is noticed though nothing is delivered."""
        for target in targets:
            self._look(target)

    async def run(self, write: Write) -> None:
        """Until it is cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(SETTLE_SECONDS)
            await self.turn(write, is_look=rounds % LOOK_ROUNDS == 0)
            rounds += 1

    async def turn(self, write: Write, *, is_look: bool = False) -> None:
        """One round: settles what was noticed, and writes what is to be written; with `is_look` what others left too.
        What goes wrong is logged and left to the next round."""
        notices, self._notices = self._notices, {}
        try:
            if is_look:
                found = await self._in_thread(self._outbox.sweep)
                notices = {notice.account_id: notice for notice in found} | notices
            crossed = await self._in_thread(lambda: self._outbox.settle(notices.values())) if notices else ()
            if crossed or is_look:
                for warning in await self._in_thread(lambda: self._outbox.pending(crossed)):
                    await self._write(write, warning)
        except MdaError as error:
            self._notices = notices | self._notices  # what is settled already changes nothing the second time
            logger("delivery").warning("quota_warnings_wait", error=error.message, remedy=error.remedy)
        except Exception:
            logger("delivery").exception("quota_warnings_failed")

    async def _write(self, write: Write, warning: QuotaWarning) -> None:
        if await write(warning):
            recorder.add(QUOTA_WARNINGS)
            await self._in_thread(lambda: self._outbox.forget(warning))

    def _look(self, target: Target) -> None:
        """What it used when it was looked up, with what this worker has delivered since."""
        percent = self._warn_percent if target.warn_percent is None else target.warn_percent
        if quota.is_reached(target, percent) == (target.warned_at is not None):
            return
        target.is_outdated = True
        if len(self._notices) < MOST_NOTICES:
            self._notices.setdefault(target.account_id, Notice(target.account_id, target.warned_at))

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._chores, work)
