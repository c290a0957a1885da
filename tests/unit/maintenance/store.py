"""Fills a store by the real delivery path, and reads all of it back."""

import asyncio
import random
from collections.abc import Callable, Sequence

from mda import settings
from mda.address import parse
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.envelope import Envelope, Recipient
from tests.unit.cli.conftest import System

ANNE = "anne@example.org"


def bodies(count: int, seed: int = 1) -> list[bytes]:
    source = random.Random(seed)
    return [
        b"Subject: %d\r\n\r\n" % n + source.randbytes(source.randrange(100, 3000)).hex().encode() for n in range(count)
    ]


def deliver(system: System, *parts: Sequence[bytes], after_each: Callable[[], object] = lambda: None) -> None:
    """Many messages through one delivery service, so that they share segments, which are open still when `after_each`
    is called behind a part."""

    async def run() -> None:
        async with compose(settings.load(system.file, {}), keeps_receipts=False) as service:
            recipient = Recipient(parse(ANNE))
            accepted = await service.resolve(recipient, "", 1000)
            assert isinstance(accepted, Accepted)
            for raws in parts:
                for raw in raws:
                    (reply,) = await service.deliver(Envelope("", (recipient,)), (accepted,), raw)
                    assert reply.code == 250
                after_each()

    asyncio.run(run())


def stored(system: System) -> dict[int, bytes]:
    """What can be read, by UID."""
    listed = system.listed("message", "list", ANNE, "--limit", "1000")
    return {one["uid"]: system.run("message", "raw", ANNE, f"INBOX:{one['uid']}").stdout_bytes for one in listed}
