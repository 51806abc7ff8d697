"""Looking at the mirror again and again: rules, alerts, metrics.

A round reads one snapshot of the tables. Of the threads it judges those that changed since the
last round, those that were of two slots at once then, and those an open alert is about; the
first round of a process, and the first after a fork, judges all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram
from solders.pubkey import Pubkey

from choir.clock import Clock, SystemClock
from choir.rpc import Rpc
from choir_indexer.monitors import rules
from choir_indexer.monitors.facts import Vault, acts_since, pending_specs, thread_facts
from choir_indexer.monitors.rules import Finding, Limits
from choir_indexer.reconcile import read_vaults
from choir_indexer.store import alerts
from choir_indexer.store.errors import DatabaseUnreachable, unreachable

__all__ = ["Watch", "WatchMetrics"]

PAGE = 200
OF_THREADS: Final = ("token_flow", "vaults", "consistency")

_CHANGED: Final = """
    SELECT t.pubkey, t.vault FROM chain.threads t
    LEFT JOIN chain.thread_heads h ON h.thread = t.pubkey
    WHERE (greatest(t.slot, h.slot) > $1 OR t.pubkey = ANY($2::bytea[])) AND t.pubkey > $3
    ORDER BY t.pubkey LIMIT $4
"""
_NOW: Final = """
    SELECT (SELECT slot FROM chain.watermark), (SELECT epoch FROM chain.meta),
           (SELECT block_time FROM chain.transactions WHERE block_time IS NOT NULL
            ORDER BY slot DESC, position DESC LIMIT 1)
"""


class WatchMetrics:
    """What the monitors measure, in the indexer's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = where = registry if registry is not None else CollectorRegistry()
        self.alert = Gauge("choir_indexer_alert", "Alerts that are open", ["rule"], registry=where)
        self.letters = Gauge(
            "choir_indexer_dead_letters_standing",
            "What was not understood and waits to be replayed",
            registry=where,
        )
        self.seconds = Histogram(
            "choir_indexer_monitor_seconds", "Time of one round of the monitors", registry=where
        )
        for rule in rules.RULES:
            self.alert.labels(rule).set(0)


class Watch:
    """The monitors of one mirror.

    Args:
        database_url: ``postgresql://`` URL.
        rpc: the chain, for the vaults; None leaves that rule out.
        limits: from where on the rules speak.
        window_s: how far back the rules about what happened look.
        clock: the time, for what waits. A chain whose time is ahead counts with its own.
    """

    def __init__(
        self,
        database_url: str,
        rpc: Rpc | None,
        *,
        limits: Limits | None = None,
        window_s: int = 3600,
        clock: Clock | None = None,
        metrics: WatchMetrics | None = None,
    ) -> None:
        self._url = database_url
        self._rpc = rpc
        self._limits = limits or Limits()
        self._window_s = window_s
        self._clock = clock or SystemClock()
        self.metrics = metrics or WatchMetrics()
        self._log = structlog.get_logger("choir_indexer.monitors")
        self._since = -1
        self._epoch: int | None = None
        self._again: set[bytes] = set()

    async def look(self) -> list[Finding]:
        """One round; returns what the rules found in it.

        Raises:
            DatabaseUnreachable: no PostgreSQL at the URL.
            RpcError: the vaults cannot be read; nothing of this round is recorded.
        """
        try:
            connection = await asyncpg.connect(self._url, timeout=10)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnreachable(unreachable(self._url, str(error))) from None
        try:
            with self.metrics.seconds.time():
                return await self._look(connection)
        finally:
            connection.terminate()

    async def _look(self, connection: asyncpg.Connection[Any]) -> list[Finding]:
        open_ones = await alerts.subjects_open(connection, OF_THREADS)
        again = self._again | {bytes(Pubkey.from_string(subject)) for subject in open_ones}
        found: list[Finding] = []
        judged: set[str] = set(open_ones)
        ahead: set[bytes] = set()
        vaults: list[tuple[Pubkey, Pubkey]] = []
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            standing = await connection.fetchrow(_NOW)
            assert standing is not None
            mark, epoch, chain_time = standing
            if mark is None:
                return []
            if epoch != self._epoch:  # made anew, or back from a fork: slots say nothing
                self._since = -1
            last = b""
            while rows := await connection.fetch(_CHANGED, self._since, list(again), last, PAGE):
                last = rows[-1]["pubkey"]
                facts, late = await thread_facts(connection, [row["pubkey"] for row in rows])
                ahead |= late
                for thread in facts:
                    judged.add(str(Pubkey.from_bytes(thread.pubkey)))
                    found += rules.token_flow(thread)
                    found += rules.consistency(thread)
                vaults += [(Pubkey(row["pubkey"]), Pubkey(row["vault"])) for row in rows]
            now = max(int(self._clock.now()), chain_time or 0)
            acts = await acts_since(connection, now - self._window_s)
            specs = await pending_specs(connection)
        judged -= {str(Pubkey.from_bytes(thread)) for thread in ahead}
        if self._rpc is not None:
            for pair in await read_vaults(self._rpc, vaults):
                found += rules.vaults(Vault(*pair), self._limits)
        checked = {str(thread) for thread, _ in vaults} | judged
        found += rules.drains(acts, self._limits)
        found += rules.spec_floods(acts, self._limits)
        found += rules.one_payer(acts, self._limits)
        found += rules.approval_stalls(specs, now, self._limits)
        found += rules.near_expiry(specs, now, self._limits)
        async with connection.transaction():
            await self._record(connection, found, judged, checked)
        self._since, self._epoch, self._again = int(mark), epoch, ahead
        return found

    async def _record(
        self,
        connection: asyncpg.Connection[Any],
        found: Sequence[Finding],
        judged: set[str],
        checked: set[str],
    ) -> None:
        fresh = set(
            await alerts.raise_alerts(
                connection,
                [(f.rule, f.subject, f.detail, f.measure, f.limit) for f in found],
            )
        )
        for finding in found:
            if (finding.rule, finding.subject) in fresh:
                self._log.error(
                    "alert", rule=finding.rule, subject=finding.subject, detail=finding.detail,
                    measure=finding.measure, limit=finding.limit,
                )  # fmt: skip
        for rule in rules.RULES:
            if rule == "vaults" and self._rpc is None:
                continue
            looked = {"vaults": checked}.get(rule, judged) if rule in OF_THREADS else None
            still = [finding.subject for finding in found if finding.rule == rule]
            for subject in await alerts.close_others(connection, rule, looked, still):
                self._log.info("alert over", rule=rule, subject=subject)
        letters = await connection.fetchval("SELECT count(*) FROM chain.dead_letters")
        self.metrics.letters.set(letters)
        counts = await alerts.count_open(connection)
        for rule in rules.RULES:
            self.metrics.alert.labels(rule).set(counts.get(rule, 0))
