"""What runs beside the mirror does not stop it."""

from __future__ import annotations

import asyncio

from choir.testing import ManualClock
from choir_indexer.runner import kept_up


async def test_the_pump_is_started_again_with_growing_pauses_whatever_it_raises() -> None:
    clock = ManualClock()
    errors: list[Exception] = [ImportError("no model"), OSError("no disk"), RuntimeError("bug")]
    told: list[Exception] = []
    running = asyncio.Event()

    async def work() -> None:
        if len(told) < len(errors):
            raise errors[len(told)]
        running.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(kept_up(work, failed=told.append, clock=clock))
    async with asyncio.timeout(10):
        await running.wait()
    assert not task.done()
    assert told == errors
    assert clock.slept == [1.0, 2.0, 4.0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
