"""Retention: what the settings no longer want kept is taken out, in small steps, on a schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter

from choir.clock import Clock, SystemClock
from choir_indexer.mirror import DATABASE_LOST
from choir_indexer.settings import Settings
from choir_indexer.store import MirrorError
from choir_indexer.store.connection import check_revision, connect
from choir_indexer.store.retention import (
    BATCH,
    Retired,
    old_events,
    old_transactions,
    retire_events,
    retire_transactions,
)
from choir_indexer.telemetry import Metrics

__all__ = ["Policy", "RetireMetrics", "Retirer", "retention"]

# any constant will do, as long as nobody else in the database uses it
LOCK: Final = 0x63686F69725F7274
EVERY_S: Final = 3600.0
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Policy:
    """How many days to keep events and transactions (None: for ever); `overlap` slots behind the
    watermark are left alone."""

    events_days: int | None
    transactions_days: int | None
    overlap: int

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """What the settings say."""
        return cls(
            settings.indexer_keep_events_days,
            settings.indexer_keep_transactions_days,
            settings.indexer_overlap_slots,
        )


class RetireMetrics:
    """What retention took out, in the indexer's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = where = registry if registry is not None else CollectorRegistry()
        self.events = Counter(
            "choir_indexer_retired_events", "Events that were kept long enough", registry=where
        )
        self.transactions = Counter(
            "choir_indexer_retired_transactions",
            "Transactions that were kept long enough",
            registry=where,
        )


class Retirer:
    """Takes out what is old.

    Args:
        database_url: ``postgresql://`` URL.
        policy: how old.
        clock: the time, and the waits between rounds.
        batch: rows to look at in one transaction; the mirror waits for that long at most.
    """

    def __init__(
        self,
        database_url: str,
        policy: Policy,
        *,
        clock: Clock | None = None,
        metrics: RetireMetrics | None = None,
        batch: int = BATCH,
    ) -> None:
        self._url = database_url
        self._policy = policy
        self._clock = clock or SystemClock()
        self.metrics = metrics or RetireMetrics()
        self._batch = batch
        self._log = structlog.get_logger("choir_indexer.retention")

    async def retire(self) -> tuple[int, int] | None:
        """One round: how many events and transactions went; None when another round is under way.

        Works beside a running indexer. Each batch stands by itself.

        Raises:
            DatabaseUnreachable, NotMigrated: there is nothing to work on.
        """
        connection = await connect(self._url)
        try:
            await check_revision(connection)
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                self._log.info("a retention is under way already")
                return None
            events = await self._all(
                connection, old_events, retire_events, self._policy.events_days, self.metrics.events
            )
            transactions = await self._all(
                connection, old_transactions, retire_transactions,
                self._policy.transactions_days, self.metrics.transactions,
            )  # fmt: skip
        finally:
            connection.terminate()
        self._log.info("retired", events=events, transactions=transactions)
        return events, transactions

    async def _all(
        self,
        connection: Any,
        old: Callable[..., Awaitable[int | None]],
        step: Callable[..., Awaitable[Retired]],
        days: int | None,
        count: Counter,
    ) -> int:
        if days is None:
            return 0
        before, overlap = int(self._clock.now()) - days * DAY_S, self._policy.overlap
        through = await old(connection, before=before, overlap=overlap)
        if through is None:
            return 0
        total = 0
        done = Retired(0, None)
        while True:
            done = await step(
                connection, through, overlap=overlap, after=done.next, batch=self._batch
            )
            total += done.rows
            count.inc(done.rows)
            if done.next is None:
                return total

    async def run(self, attached: asyncio.Event, every_s: float = EVERY_S) -> None:
        """Every `every_s` seconds until cancelled, while this process is the one that writes."""
        while True:
            await attached.wait()
            try:
                await self.retire()
            except (MirrorError, *DATABASE_LOST) as error:
                self._log.warning("retention failed", reason=str(error))
            await self._clock.sleep(every_s)


@asynccontextmanager
async def retention(
    settings: Settings, metrics: Metrics, attached: asyncio.Event
) -> AsyncIterator[Sequence[Awaitable[None]]]:
    """What to run beside the mirror, when the settings ask for it."""
    if settings.indexer_keep_events_days is None:
        yield ()
        return
    retirer = Retirer(
        settings.database_url, Policy.of(settings), metrics=RetireMetrics(metrics.registry)
    )
    yield (retirer.run(attached),)
