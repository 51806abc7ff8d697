"""What tests of and against the localnet use: a clock that only moves when told."""

from __future__ import annotations

import asyncio


class ManualClock:
    """A clock that stands still until it is told to move; for tests."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._waiting = asyncio.Event()
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._now

    def monotonic(self) -> float:
        """The same instant as `now`."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once `tick` has moved the clock far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, future))
        self._waiting.set()
        await future

    async def waiting(self) -> None:
        """Return once somebody waits for the clock to move."""
        await self._waiting.wait()

    def tick(self, seconds: float) -> None:
        """Move time forward and wake whoever was due."""
        self._now += seconds
        due = [f for at, f in self._sleepers if at <= self._now]
        self._sleepers = [(at, f) for at, f in self._sleepers if at > self._now]
        if not self._sleepers:
            self._waiting.clear()
        for future in due:
            if not future.done():
                future.set_result(None)
