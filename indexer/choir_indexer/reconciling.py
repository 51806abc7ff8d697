"""Reconciliation on a schedule: one at a time, each with a row and numbers to show for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from choir.clock import Clock, SystemClock
from choir.errors import RpcError
from choir.rpc import HttpRpc, Rpc
from choir_indexer.mirror import DATABASE_LOST
from choir_indexer.reconcile import Report, reconcile
from choir_indexer.settings import Settings
from choir_indexer.sources import Source, SourceError
from choir_indexer.store import MirrorError
from choir_indexer.store.writer import Writer
from choir_indexer.telemetry import Metrics

__all__ = ["ReconcileMetrics", "Reconciler", "reconciled"]

# any constant will do, as long as nobody else in the database uses it
LOCK: Final = 0x63686F69725F7263
NAMED_AT_MOST = 1000
_RECORD: Final = """
    INSERT INTO chain.reconciliations
        (slot, ok, accounts, transactions, differences, repaired, missing_transactions,
         short_vaults, report)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class ReconcileMetrics:
    """What reconciliations found, in the indexer's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = where = registry if registry is not None else CollectorRegistry()
        self.runs = Counter(
            "choir_indexer_reconciliations",
            "Comparisons with the chain: ok, wrong, failed, or busy (another one was at it)",
            ["result"],
            registry=where,
        )
        self.wrong = Gauge(
            "choir_indexer_reconcile_wrong",
            "What the last comparison found wrong, and did not repair",
            ["what"],
            registry=where,
        )
        self.last = Gauge(
            "choir_indexer_reconcile_last_timestamp_seconds",
            "When the last comparison ended",
            registry=where,
        )


class Reconciler:
    """Compares, records, and says what it found.

    Args:
        database_url: ``postgresql://`` URL.
        source, rpc: the chain.
        repair: write what differs.
        clock: the time, and the waits between comparisons.
    """

    def __init__(
        self,
        database_url: str,
        source: Source,
        rpc: Rpc,
        *,
        repair: bool,
        clock: Clock | None = None,
        metrics: ReconcileMetrics | None = None,
    ) -> None:
        self._url = database_url
        self._source = source
        self._rpc = rpc
        self._repair = repair
        self._clock = clock or SystemClock()
        self.metrics = metrics or ReconcileMetrics()
        self._log = structlog.get_logger("choir_indexer.reconcile")

    async def compare(self) -> Report | None:
        """One comparison; None when another one is under way on this database.

        Raises:
            MirrorError, SourceError, RpcError: it could not be made.
        """
        writer = await Writer.open(self._url, lease=False)
        try:
            connection = writer.connection
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                self.metrics.runs.labels("busy").inc()
                self._log.info("a reconciliation is under way already")
                return None
            report = await reconcile(
                self._source, writer, self._rpc, repair=self._repair, clock=self._clock
            )
            await connection.execute(
                _RECORD, report.slot, report.clean, report.accounts, report.transactions,
                len(report.differences), report.repaired, len(report.missing_transactions),
                len(report.short_vaults), json.dumps(_named(report)),
            )  # fmt: skip
        finally:
            await writer.close()
        self._show(report)
        return report

    async def run(self, attached: asyncio.Event, every_s: float) -> None:
        """Every `every_s` seconds until cancelled, while this process is the one that writes."""
        while True:
            await self._clock.sleep(every_s)
            await attached.wait()
            try:
                await self.compare()
            except (MirrorError, SourceError, RpcError, *DATABASE_LOST) as error:
                self.metrics.runs.labels("failed").inc()
                self._log.warning("reconciliation failed", reason=str(error))

    def _show(self, report: Report) -> None:
        found = {
            "accounts": len(report.differences) - report.repaired,
            "transactions": len(report.missing_transactions),
            "vaults": len(report.short_vaults),
        }
        for what, count in found.items():
            self.metrics.wrong.labels(what).set(count)
        self.metrics.runs.labels("ok" if report.clean else "wrong").inc()
        self.metrics.last.set(self._clock.now())
        say: Callable[..., object] = self._log.info if report.clean else self._log.error
        say(
            "reconciled", slot=report.slot, accounts=report.accounts,
            transactions=report.transactions, repaired=report.repaired, behind=report.behind,
            wrong=found,
        )  # fmt: skip


@asynccontextmanager
async def reconciled(
    settings: Settings, source: Source, metrics: Metrics, attached: asyncio.Event
) -> AsyncIterator[Sequence[Awaitable[None]]]:
    """What to run beside the mirror, when the settings ask for it."""
    every_s = settings.indexer_reconcile_every_s
    if not every_s:
        yield ()
        return
    async with HttpRpc(settings.rpc_url) as rpc:
        reconciler = Reconciler(
            settings.database_url,
            source,
            rpc,
            repair=settings.indexer_reconcile_repair,
            metrics=ReconcileMetrics(metrics.registry),
        )
        yield (reconciler.run(attached, every_s),)


def _named(report: Report) -> dict[str, object]:
    """The report for JSON, with so many names at most of each kind."""
    return {
        name: value[:NAMED_AT_MOST] if isinstance(value, list | tuple) else value
        for name, value in report.plain().items()
    }
