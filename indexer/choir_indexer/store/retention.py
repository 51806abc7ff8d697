"""What is old enough goes: events from the beginnings of their sequences, then transactions.

Only what is final, and behind what a walk looks at again. A sequence loses a prefix, never its
newest final event, so that what is left has no gap and ends where its head is, whatever a fork
takes back. A transaction stays while an event or a dead letter of it is there, and the newest
final one always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import asyncpg

__all__ = [
    "BATCH",
    "Place",
    "Retired",
    "old_events",
    "old_transactions",
    "retire_events",
    "retire_transactions",
]

BATCH = 5_000
Place = tuple[int, int]
"""A slot and a position in it: where a batch ended."""

BOUNDS: Final = """
    SELECT least(slot - $1, finalized_slot) AS bound, retired_slot, retired_events_slot
    FROM chain.watermark
"""
# The newest slot in ($1, $2] that is older than the time $3. A slot whose time nobody knows is as
# old as the next one that has one.
OLD: Final = """
    WITH times AS NOT MATERIALIZED (
        SELECT t.slot, t.position, coalesce(t.block_time, (
            SELECT max(e.at) FROM chain.thread_events e WHERE e.signature = t.signature)) AS at
        FROM chain.transactions t WHERE t.slot > $1 AND t.slot <= $2
    ), young AS (
        SELECT slot FROM times WHERE at >= $3 ORDER BY slot, position LIMIT 1
    )
    SELECT slot FROM times
    WHERE at < $3 AND slot < coalesce((SELECT slot FROM young), $2 + 1)
    ORDER BY slot DESC, position DESC LIMIT 1
"""
# Taken first, as the writer does: the two are never in the middle of each other's work.
HOLD_WATERMARK: Final = """
    SELECT least(slot - $1, finalized_slot) AS bound, finalized_slot, retired_events_slot
    FROM chain.watermark FOR UPDATE
"""
# whole slots after $1, up to $2, with $3 transactions or a slot's more
STRETCH: Final = """
    SELECT max(slot) FROM (
        SELECT slot FROM chain.transactions WHERE slot > $1 AND slot <= $2
        ORDER BY slot, position LIMIT $3) AS stretch
"""
# Of every thread with an event in the slots ($1, $2]: all up to there, but the newest final one.
# `OFFSET 0` keeps each look-up one of an index, however few rows a plan expects; nobody moves rows
# while the watermark is held, so their places are good.
DROP_EVENTS: Final = """
    DELETE FROM chain.thread_events WHERE ctid = ANY (ARRAY (
        SELECT gone.ctid
        FROM (
            SELECT e.thread, e.epoch, max(e.seq) AS seq
            FROM chain.transactions t, LATERAL (
                SELECT thread, epoch, seq FROM chain.thread_events
                WHERE signature = t.signature OFFSET 0) AS e
            WHERE t.slot > $1 AND t.slot <= $2 GROUP BY e.thread, e.epoch
        ) AS reached, LATERAL (
            SELECT seq FROM chain.thread_events
            WHERE thread = reached.thread AND epoch = reached.epoch AND slot <= $3
            ORDER BY seq DESC LIMIT 1
        ) AS final, LATERAL (
            SELECT ctid FROM chain.thread_events
            WHERE thread = reached.thread AND epoch = reached.epoch
              AND seq <= least(reached.seq, final.seq - 1) OFFSET 0
        ) AS gone))
"""
EVENTS_RETIRED: Final = """
    UPDATE chain.watermark SET retired_events_slot = greatest(retired_events_slot, $1)
"""
# after the place ($1, $2), up to slot $3
NEXT_TRANSACTIONS: Final = """
    SELECT signature, slot, position FROM chain.transactions
    WHERE (slot, position) > ($1, $2) AND slot <= $3 ORDER BY slot, position LIMIT $4
"""
DROP_TRANSACTIONS: Final = """
    DELETE FROM chain.transactions t
    WHERE t.signature = ANY($1::bytea[])
      AND NOT EXISTS (SELECT FROM chain.thread_events e WHERE e.signature = t.signature)
      AND NOT EXISTS (SELECT FROM chain.dead_letters d WHERE d.kind = 'transaction'
                      AND d.key = t.signature)
      AND t.signature IS DISTINCT FROM (
          SELECT a.signature FROM chain.transactions a WHERE a.slot <= $2
          ORDER BY a.slot DESC, a.position DESC LIMIT 1)
    RETURNING t.slot
"""
TRANSACTIONS_RETIRED: Final = """
    UPDATE chain.watermark SET retired_slot = greatest(retired_slot, $1)
"""


@dataclass(frozen=True, slots=True)
class Retired:
    """What one batch did: rows that are gone, and where to go on; None at the end."""

    rows: int
    next: Place | None


async def old_events(
    connection: asyncpg.Connection[Any], *, before: int, overlap: int
) -> int | None:
    """The newest slot the events of which are older than `before` (seconds since the epoch) and
    were not dealt with yet; None when there is none. `overlap` slots behind the watermark are left
    alone."""
    mark = await connection.fetchrow(BOUNDS, overlap)
    if mark is None or mark["bound"] is None:
        return None
    return await _old(connection, mark["retired_events_slot"], mark["bound"], before)


async def old_transactions(
    connection: asyncpg.Connection[Any], *, before: int, overlap: int
) -> int | None:
    """As :func:`old_events`, for transactions. Some of slots that were dealt with may be free to
    go now."""
    mark = await connection.fetchrow(BOUNDS, overlap)
    if mark is None or mark["bound"] is None:
        return None
    found = await _old(connection, mark["retired_slot"], mark["bound"], before)
    return _whole(mark["retired_slot"]) if found is None else found


async def retire_events(
    connection: asyncpg.Connection[Any],
    through: int,
    *,
    overlap: int,
    after: Place | None = None,
    batch: int = BATCH,
) -> Retired:
    """One batch of the events in slots up to `through`, in a transaction of its own.

    Args:
        through: from :func:`old_events`.
        overlap: slots behind the watermark that are left alone.
        after: where the last batch ended.
        batch: transactions whose events to look at, about.
    """
    async with connection.transaction():
        mark = await connection.fetchrow(HOLD_WATERMARK, overlap)
        if mark is None or mark["bound"] is None:
            return Retired(0, None)
        since = after[0] if after else mark["retired_events_slot"]
        end = await connection.fetchval(
            STRETCH, -1 if since is None else since, min(through, mark["bound"]), batch
        )
        if end is None:
            return Retired(0, None)
        gone = await connection.execute(
            DROP_EVENTS, -1 if since is None else since, end, mark["finalized_slot"]
        )
        await connection.execute(EVENTS_RETIRED, end)
    return Retired(int(gone.split()[-1]), (int(end), 0))


async def retire_transactions(
    connection: asyncpg.Connection[Any],
    through: int,
    *,
    overlap: int,
    after: Place | None = None,
    batch: int = BATCH,
) -> Retired:
    """One batch of the transactions in slots up to `through`, in a transaction of its own.

    Args:
        through: from :func:`old_transactions`.
        overlap: slots behind the watermark that are left alone.
        after: where the last batch ended.
        batch: transactions to look at.
    """
    async with connection.transaction():
        mark = await connection.fetchrow(HOLD_WATERMARK, overlap)
        if mark is None or mark["bound"] is None:
            return Retired(0, None)
        rows = await connection.fetch(
            NEXT_TRANSACTIONS, *(after or (-1, -1)), min(through, mark["bound"]), batch
        )
        if not rows:
            return Retired(0, None)
        signatures = [row["signature"] for row in rows]
        gone = await connection.fetch(DROP_TRANSACTIONS, signatures, mark["finalized_slot"])
        if gone:
            await connection.execute(TRANSACTIONS_RETIRED, max(row["slot"] for row in gone))
    return Retired(len(gone), (int(rows[-1]["slot"]), rows[-1]["position"]))


async def _old(
    connection: asyncpg.Connection[Any], since: Any, bound: Any, before: int
) -> int | None:
    found = await connection.fetchval(OLD, -1 if since is None else since, bound, before)
    return _whole(found)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
