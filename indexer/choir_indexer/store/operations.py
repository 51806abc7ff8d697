"""What an operator asks of the mirror beside its rows: gaps, alerts, who is at work, what was
compared and taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from choir_indexer.store import schema as t
from choir_indexer.store.gaps import GapRow
from choir_indexer.store.read import Queryable

__all__ = [
    "AlertRow",
    "Holder",
    "alerts",
    "gaps",
    "holder",
    "last_reconciliation",
    "oldest_kept",
    "rollbacks",
]

_HOLDER: Final = sa.text(
    """
    SELECT a.pid, a.application_name, host(a.client_addr),
           CAST(extract(epoch FROM a.backend_start) AS double precision)
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND ((CAST(l.classid AS bigint) << 32) | CAST(l.objid AS bigint)) = :lock
    """
)


@dataclass(frozen=True, slots=True)
class Holder:
    """The connection that holds a lease: its server process, what it calls itself, where it
    comes from (None: the same machine), since when (seconds since the epoch)."""

    pid: int
    application: str
    host: str | None
    since: float


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An open alert: the rule, the address it is about, what it found, and since when (seconds
    since the epoch)."""

    rule: str
    subject: str
    detail: str
    measure: int
    threshold: int
    opened_at: float


async def holder(connection: Queryable, lock: int) -> Holder | None:
    """Who holds the advisory lock, None when nobody does."""
    row = (await connection.execute(_HOLDER, {"lock": lock})).first()
    return None if row is None else Holder(*row)


async def gaps(connection: Queryable, *, limit: int = 100) -> list[GapRow]:
    """Gaps that are open, oldest first."""
    c = t.gaps.c
    query = (
        sa.select(c.from_slot, c.to_slot, c.reason, c.found_at)
        .where(c.filled_at.is_(None))
        .order_by(c.id)
        .limit(limit)
    )
    rows = await connection.execute(query)
    return [GapRow(row[0], row[1], row[2], row[3].timestamp()) for row in rows]


async def alerts(connection: Queryable, *, limit: int = 100) -> list[AlertRow]:
    """Alerts that are open, oldest first."""
    c = t.alerts.c
    query = (
        sa.select(c.rule, c.subject, c.detail, c.measure, c.threshold, c.opened_at)
        .where(c.closed_at.is_(None))
        .order_by(c.id)
        .limit(limit)
    )
    rows = await connection.execute(query)
    return [AlertRow(*row[:3], int(row[3]), int(row[4]), row[5].timestamp()) for row in rows]


async def last_reconciliation(connection: Queryable) -> dict[str, Any] | None:
    """The newest comparison with the chain that was recorded; `at` is seconds since the epoch."""
    c = t.reconciliations.c
    query = sa.select(
        c.at, c.slot, c.ok, c.differences, c.repaired, c.missing_transactions, c.short_vaults
    ).order_by(c.id.desc())
    row = (await connection.execute(query.limit(1))).mappings().first()
    return None if row is None else dict(row) | {"at": row["at"].timestamp()}


async def oldest_kept(connection: Queryable) -> dict[str, dict[str, int | None] | None]:
    """The oldest transaction and the oldest event that are here: its slot and its time, seconds
    since the epoch; None when there is none."""
    c, e = t.transactions.c, t.thread_events.c
    transaction = sa.select(c.slot, c.block_time).order_by(c.slot, c.position).limit(1)
    event = (
        sa.select(e.slot, sa.func.coalesce(c.block_time, e.at))
        .select_from(t.transactions.join(t.thread_events, e.signature == c.signature))
        .order_by(c.slot, c.position, e.ordinal)
        .limit(1)
    )
    found: dict[str, dict[str, int | None] | None] = {}
    for name, query in (("transaction", transaction), ("event", event)):
        row = (await connection.execute(query)).first()
        found[name] = None if row is None else {"slot": row[0], "at": row[1]}
    return found


async def rollbacks(connection: Queryable) -> int:
    """How often slots were taken back with a fork."""
    query = sa.select(sa.func.count()).select_from(t.rollbacks)
    found: int = (await connection.execute(query)).scalar_one()
    return found
