"""What tests of and against the localnet use: a clock that only moves when told."""

from __future__ import annotations

import asyncio


class ManualClock:
    """A clock that stands still until it is told to move; for tests."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()

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
        self._arrived.set()
        try:
            await future
        finally:
            self._sleepers = [each for each in self._sleepers if each[1] is not future]

    async def waiting(self, within: float | None = None) -> None:
        """Return once somebody waits for the clock to move, by at most `within` seconds."""
        while not any(within is None or at - self._now <= within for at, _ in self._sleepers):
            self._arrived.clear()
            await self._arrived.wait()

    def tick(self, seconds: float) -> None:
        """Move time forward and wake whoever was due."""
        self._now += seconds
        # Forgives what adding floats of this size loses.
        until = self._now + 1e-5
        due = [f for at, f in self._sleepers if at <= until]
        self._sleepers = [(at, f) for at, f in self._sleepers if at > until]
        for future in due:
            if not future.done():
                future.set_result(None)
