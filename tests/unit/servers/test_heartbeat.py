"""A worker's heart beats while it serves."""

import asyncio

import pytest

from mda.metrics import recorder
from mda.servers import heartbeat


def test_beats_only_while_alive_and_counts_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.001)
    region, alive = recorder.region(), iter([False] * 3 + [True] * 3)
    beats, looks = list[float](), list[bool]()

    async def run() -> None:
        is_over = asyncio.Event()

        def is_alive() -> bool:
            looks.append(next(alive, True))
            return looks[-1]

        def look() -> None:
            beats.append(region.heartbeat)
            if len(beats) == 6:
                is_over.set()

        beating = asyncio.create_task(heartbeat.beat(look, is_alive))
        await is_over.wait()
        beating.cancel()

    region.beat(1.0)
    asyncio.run(run())

    assert [beat > 1.0 for beat in beats] == looks[:6] == [False] * 3 + [True] * 3
