"""The monitors in the indexer's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

import structlog

from choir.clock import Clock, SystemClock
from choir.errors import RpcError
from choir.rpc import HttpRpc
from choir_indexer.mirror import DATABASE_LOST
from choir_indexer.monitors.rules import Limits
from choir_indexer.monitors.watch import Watch, WatchMetrics
from choir_indexer.settings import Settings
from choir_indexer.store import MirrorError
from choir_indexer.telemetry import Metrics

__all__ = ["limits_of", "monitored", "watch_on"]


def limits_of(settings: Settings) -> Limits:
    """From where on the rules speak."""
    return Limits(
        short_units=settings.indexer_alert_short_units,
        drain_percent=settings.indexer_alert_drain_percent,
        floods=settings.indexer_alert_floods,
        wallets=settings.indexer_alert_wallets,
        stall_s=settings.indexer_alert_stall_s,
        near_s=settings.indexer_alert_near_s,
    )


@asynccontextmanager
async def monitored(
    settings: Settings, metrics: Metrics, attached: asyncio.Event
) -> AsyncIterator[Sequence[Awaitable[None]]]:
    """What to run beside the mirror: rounds while this process is the one that writes."""
    if not settings.indexer_monitor_every_s:
        yield ()
        return
    async with HttpRpc(settings.rpc_url) as rpc:
        watch = Watch(
            settings.database_url,
            rpc,
            limits=limits_of(settings),
            window_s=settings.indexer_monitor_window_s,
            metrics=WatchMetrics(metrics.registry),
        )
        yield (watch_on(watch, attached, every_s=settings.indexer_monitor_every_s),)


async def watch_on(
    watch: Watch, attached: asyncio.Event, *, every_s: float, clock: Clock | None = None
) -> None:
    """Rounds until cancelled; one that fails is said, and the next one looks at the same."""
    clock = clock or SystemClock()
    log = structlog.get_logger("choir_indexer.monitors")
    while True:
        await attached.wait()
        try:
            await watch.look()
        except (MirrorError, RpcError, *DATABASE_LOST) as error:
            log.warning("a round of the monitors failed", reason=str(error))
        await clock.sleep(every_s)
