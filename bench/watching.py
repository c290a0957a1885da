"""What watching costs a delivery: `make bench-watching`, or `python -m bench.watching [PAIRS]`.

The whole delivery (parse, classify, record, rows, with the embedded PostgreSQL) in one process, RUN messages at 32 at a
time, in turn with the trace and without it; processor time of the process is what is compared (PostgreSQL's own share
of a page is one INSERT in 1,000 messages). The trace's own processor time is
measured too, around its calls. Counters are timed alone, by the number of calls that a delivery makes.
Writes build/bench/watching.json.
"""

import asyncio
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.scaffold import asked, run_folder, write_results
from mda import address
from mda.delivery.compose import compose
from mda.delivery.copies import Accepted
from mda.delivery.metered import Stopwatch
from mda.delivery.service import DeliveryService
from mda.delivery.tracer import Tracer
from mda.envelope import Envelope, Peer, Recipient
from mda.logs import configure
from mda.metrics import recorder
from mda.metrics.families import DELIVERIES, DELIVERY_SECONDS
from mda.servers.worker import SWITCH_SECONDS
from mda.settings import Log, load
from tests.integration.instance import Instance

RUN = 3_000
TOGETHER = 32
ACCOUNTS = 50
CALLS = 8
"""Counters and histograms that a delivery of one copy touches, batches' shares rounded up."""


class Timed(Tracer):
    """Measures its own processor time, in the event loop and in its thread."""

    seconds = 0.0
    messages = 0

    def note(self, *what: Any) -> None:
        began = time.thread_time()
        super().note(*what)
        self.seconds += time.thread_time() - began
        self.messages += 1

    def _write_page(self) -> bool:
        began = time.thread_time()
        try:
            return super()._write_page()
        finally:
            self.seconds += time.thread_time() - began


class Silent(Tracer):
    """No trace."""

    def note(self, *_: object) -> None: ...


def main() -> int:
    pairs = asked(__doc__, pairs=5).pairs
    configure(Log(level="warning"))
    sys.setswitchinterval(SWITCH_SECONDS)
    with run_folder() as folder:
        instance = Instance(folder, "embedded")
        instance.prepare("bench.test", [f"u{number}" for number in range(ACCOUNTS)])
        traced, silent, own = asyncio.run(compare(instance.settings, pairs))
    added = [with_it / without - 1 for with_it, without in zip(traced, silent, strict=True)]
    counters = CALLS * seconds_of_a_count()
    result = {
        "delivery_ms": round(statistics.median(silent) * 1000, 4),
        "delivery_traced_ms": round(statistics.median(traced) * 1000, 4),
        "difference_percent": round(statistics.median(added) * 100, 2),
        "trace_us": round(own * 1e6, 2),
        "trace_percent": round(own / statistics.median(silent) * 100, 2),
        "counters_us": round(counters * 1e6, 2),
        "counters_percent": round(counters / statistics.median(silent) * 100, 2),
    }
    write_results("watching", result)
    print(json.dumps(result, indent=2))
    return 0


async def compare(file: Path, pairs: int) -> tuple[list[float], list[float], float]:
    """Processor seconds a message, with the trace and without."""
    traced: list[float] = []
    silent: list[float] = []
    async with compose(load(file, {})) as service:
        services = service._services
        timed = Timed(services.tracer._write, services.tracer._stopwatch, services.tracer._shard_name)
        loud = DeliveryService(replace(services, tracer=timed))
        quiet = DeliveryService(replace(services, tracer=Silent(lambda _: None, Stopwatch(), str)))
        await run(loud)
        for number in range(pairs):
            order = (loud, quiet) if number % 2 else (quiet, loud)
            for one in order:
                (traced if one is loud else silent).append(await run(one))
        timed.close()
    return traced, silent, timed.seconds / timed.messages


async def run(service: DeliveryService) -> float:
    numbers = iter(range(RUN))

    async def session() -> None:
        for number in numbers:
            await deliver(service, number)

    began = time.process_time()
    await asyncio.gather(*(session() for _ in range(TOGETHER)))
    await asyncio.sleep(2.5)  # the last page is part of the cost
    return (time.process_time() - began) / RUN


async def deliver(service: DeliveryService, number: int) -> None:
    recipient = Recipient(address.parse(f"u{number % ACCOUNTS}@bench.test"))
    peer = Peer("mx.bench.test", True, f"4c{time.time_ns():x}", "mail.example.net", "192.0.2.7", "mail", "ESMTP")
    raw = f"From: <a{number}@example.net>\r\nMessage-ID: <{time.time_ns()}@example.net>\r\nSubject: {number}\r\n\r\n"
    accepted = await service.resolve(recipient, "a@example.net")
    if not isinstance(accepted, Accepted):
        raise TypeError(accepted)
    body = ("The quick brown fox jumps over the lazy dog.\r\n" * 60).encode()
    replies = await service.deliver(Envelope("a@example.net", (recipient,), peer), (accepted,), raw.encode() + body)
    if replies[0].code != 250:
        raise ValueError(replies[0])


def seconds_of_a_count() -> float:
    began = time.perf_counter()
    for _ in range(100_000):
        recorder.add(DELIVERIES, "delivered", "")
        recorder.observe(DELIVERY_SECONDS, 0.004)
    return (time.perf_counter() - began) / 200_000


if __name__ == "__main__":
    sys.exit(main())
