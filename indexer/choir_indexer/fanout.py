"""Telling the hints of commits to Redis, for those who would rather listen there.

The bridge listens where the commits are announced, so that whatever commits is told: the mirror,
a replay of dead letters, whoever comes. A hint may be lost all the same, with either connection;
after each new beginning :data:`GAP_CHANNEL` says so, and who hears it looks at the tables.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
import redis.asyncio as redis
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from choir.clock import Clock, SystemClock
from choir_indexer.store.writer import THREAD_CHANNEL

__all__ = ["GAP_CHANNEL", "Fanout", "FanoutMetrics"]

GAP_CHANNEL: Final = "choir_gap"
QUEUE = 10_000
AT_ONCE = 500
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
ANSWER_WITHIN_S = 5.0
LOST = (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError)


class FanoutMetrics:
    """What the bridge counts, in the indexer's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = where = registry if registry is not None else CollectorRegistry()
        self.published = Counter(
            "choir_indexer_fanout_published", "Hints told to Redis", registry=where
        )
        self.dropped = Counter(
            "choir_indexer_fanout_dropped", "Hints dropped; a gap was told", registry=where
        )
        self.failures = Counter("choir_indexer_fanout_failures", "Connections lost", registry=where)
        self.queued = Gauge("choir_indexer_fanout_queued", "Hints not yet told", registry=where)


class Fanout:
    """From PostgreSQL's NOTIFY to Redis' PUBLISH, on the channel of the same name.

    Args:
        database_url: ``postgresql://`` URL.
        redis_url: ``redis://`` URL.
        queue: hints that may wait for Redis; past that, they are dropped for a gap.
        clock: for the pauses.
    """

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        *,
        queue: int = QUEUE,
        clock: Clock | None = None,
        metrics: FanoutMetrics | None = None,
    ) -> None:
        self._database_url = database_url
        self._redis_url = redis_url
        self._queue = queue
        self._clock = clock or SystemClock()
        self.metrics = metrics or FanoutMetrics()
        self._log = structlog.get_logger("choir_indexer.fanout")
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; begins anew whenever a connection is lost."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._bridge()
            except LOST as error:
                self.metrics.failures.inc()
                reason = str(error) or type(error).__name__
                self._log.warning("fan-out interrupted", reason=reason, retry_in_s=pause)
            if self.connected.is_set():
                pause = FIRST_PAUSE_S
            self.connected.clear()
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _bridge(self) -> None:
        hints: asyncio.Queue[str | None] = asyncio.Queue(self._queue)

        def heard(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
            try:
                hints.put_nowait(str(payload))
            except asyncio.QueueFull:
                self.metrics.dropped.inc(hints.qsize() + 1)
                while not hints.empty():
                    hints.get_nowait()
                hints.put_nowait(None)

        def lost(_connection: Any) -> None:
            while not hints.empty():
                hints.get_nowait()
            hints.put_nowait("")

        telling = redis.from_url(
            self._redis_url,
            socket_connect_timeout=ANSWER_WITHIN_S,
            socket_timeout=ANSWER_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            connection = await asyncpg.connect(self._database_url, timeout=10)
            try:
                connection.add_termination_listener(lost)
                await connection.add_listener(THREAD_CHANNEL, heard)
                await telling.publish(GAP_CHANNEL, "")
                self.connected.set()
                await self._tell(telling, hints)
            finally:
                connection.terminate()
        finally:
            await telling.aclose()

    async def _tell(self, telling: redis.Redis, hints: asyncio.Queue[str | None]) -> None:
        """Hand on what is heard; None stands for hints that were dropped, "" for the end."""
        while True:
            batch = [await hints.get()]
            while len(batch) < AT_ONCE and not hints.empty():
                batch.append(hints.get_nowait())
            if "" in batch:
                raise ConnectionResetError("the database closed the connection")
            async with telling.pipeline(transaction=False) as pipe:
                for hint in batch:
                    if hint is None:
                        pipe.publish(GAP_CHANNEL, "")
                    else:
                        pipe.publish(THREAD_CHANNEL, hint)
                await pipe.execute()
            self.metrics.published.inc(len(batch))
            self.metrics.queued.set(hints.qsize())
