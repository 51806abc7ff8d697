"""Telemetry of one space: computed once a tick for everybody who watches, and only then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from choir.clock import Clock
from choir.spaces.engine.measures import Milestones, measure
from choir.spaces.engine.state import State
from choir.spaces.models import Telemetry
from choir_api.realtime import Outgoing, Socket, broadcast

MIN_HZ: Final = 5
MAX_HZ: Final = 20
"""Also the unit of `Telemetry.t`: ticks of 50 ms since the space was created."""


class Ticker:
    """Measures a space while somebody watches.

    Sockets get coalesced frames; streams (`stream`) get the latest measure, skipping what they
    were too slow for. Milestones go to everybody as events.

    Args:
        created_at: of the space, where `t` counts from.
    """

    source: Callable[[], tuple[State, Sequence[int]]]
    """The present state and its primes."""

    def __init__(self, clock: Clock, created_at: datetime) -> None:
        self._clock = clock
        self._start = created_at.timestamp()
        self._sockets: set[Socket[Any]] = set()
        self._streams: set[asyncio.Queue[Telemetry | None]] = set()
        self._milestones = Milestones()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def watched(self) -> bool:
        """Whether anybody does."""
        return bool(self._sockets or self._streams)

    @property
    def hz(self) -> int:
        """Ticks a second: the policy's `publishHz` between 5 and 20."""
        return max(MIN_HZ, min(MAX_HZ, self.source()[0].policy.publish_hz))

    def now(self) -> Telemetry:
        """The measure of this moment."""
        state, primes = self.source()
        t = round((self._clock.now() - self._start) * MAX_HZ)
        return measure(state, primes, max(0, t))

    def add(self, socket: Socket[Any]) -> None:
        """Sends the latest measure now and every tick."""
        socket.coalesce("telemetry", _frame(self.now()))
        self._sockets.add(socket)
        self._wake()

    def drop(self, socket: Socket[Any]) -> None:
        """The opposite of `add`."""
        self._sockets.discard(socket)

    async def stream(self, ended: asyncio.Event | None = None) -> AsyncIterator[Telemetry]:
        """The latest measure now and every tick, until `ended` or the process stops."""
        if self._closed:
            return
        ended = ended or asyncio.Event()
        latest: asyncio.Queue[Telemetry | None] = asyncio.Queue(1)
        latest.put_nowait(self.now())
        self._streams.add(latest)
        self._wake()
        ending = asyncio.create_task(_end_with(ended, latest))
        try:
            while (telemetry := await latest.get()) is not None and not ended.is_set():
                yield telemetry
        finally:
            ending.cancel()
            self._streams.discard(latest)

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        for latest in self._streams:
            _replace(latest, None)
        if self._task is not None:
            self._task.cancel()

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(1.0 / self.hz)
            if not self.watched:
                return
            self._tick()

    def _tick(self) -> None:
        telemetry = self.now()
        broadcast(list(self._sockets), _frame(telemetry), coalesce="telemetry")
        for latest in self._streams:
            _replace(latest, telemetry)
        for name in self._milestones.tick(telemetry, self.source()[0].entropy):
            at = datetime.fromtimestamp(self._clock.now(), UTC).isoformat()
            event = {"type": "event", "name": name, "at": at.replace("+00:00", "Z")}
            broadcast(list(self._sockets), event)


async def _end_with(ended: asyncio.Event, latest: asyncio.Queue[Telemetry | None]) -> None:
    await ended.wait()
    _replace(latest, None)


def _replace(latest: asyncio.Queue[Telemetry | None], value: Telemetry | None) -> None:
    with contextlib.suppress(asyncio.QueueEmpty):
        latest.get_nowait()
    latest.put_nowait(value)


def _frame(telemetry: Telemetry) -> Outgoing:
    return Outgoing({"type": "telemetry", **telemetry.model_dump(by_alias=True)})
