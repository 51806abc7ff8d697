"""Rows that cannot be there yet go straight into the tables.

Staging and merging is for rows that may meet older or newer ones. The accounts of a new mirror's
snapshot and the transactions beyond the watermark do not; should one be there all the same, the
tables' keys refuse it, nothing is written, and the writer takes the guarded way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import orjson

from choir_indexer.delta import AccountRow, TransactionRow
from choir_indexer.store.copying import Copier
from choir_indexer.store.merge import TRANSACTION_COLUMNS, TYPED_COLUMNS

__all__ = ["END_HISTORY", "Head", "Moved", "copy_accounts", "copy_transactions"]

Head = tuple[bytes, int, int]
"""A thread, its epoch, and the number of its newest event."""
Moved = tuple[bytes, int, int, int]
"""A head, and the slot of that event."""
SCHEMA = "chain"
ACCOUNT_COLUMNS = ("pubkey", "slot", "write_version", "kind", "owner", "lamports", "data")
OUTBOX_COLUMNS = ("kind", "thread", "content_hash", "message", "slot")
NUMBERED_COLUMNS = (
    "thread", "epoch", "seq", "slot", "signature", "ordinal", "kind", "payload", "at",
)  # fmt: skip
_AT = {
    kind: {name: at for at, name in enumerate(columns)} for kind, columns in TYPED_COLUMNS.items()
}

HEADS = """
    SELECT t.thread, coalesce(h.epoch, m.epoch), coalesce(h.seq, 0)
    FROM unnest($1::bytea[]) AS t (thread)
         LEFT JOIN chain.thread_heads h USING (thread), chain.meta m
"""
# All that ends a batch of history through slot $1, in one way there and back.
END_HISTORY = """
    WITH forgotten AS (
        DELETE FROM chain.absences WHERE slot <= $2
    ), moved AS (
        INSERT INTO chain.thread_heads (thread, epoch, seq, slot)
        SELECT * FROM unnest($4::bytea[], $5::bigint[], $6::bigint[], $7::numeric[])
        ON CONFLICT (thread) DO UPDATE SET seq = excluded.seq, slot = excluded.slot
    ), marked AS (
        UPDATE chain.watermark SET slot = $1, updated_at = now(),
            finalized_slot = greatest(finalized_slot, least($1, $2::numeric)),
            history_slot = coalesce(history_slot, $3::numeric)
    )
    SELECT pg_notify($8, note) FROM unnest($9::text[]) AS note
"""


async def copy_accounts(copier: Copier, rows: Iterable[AccountRow]) -> int:
    """Accounts that have data and of whose addresses nothing is known; answers how many outbox
    rows they made.

    Raises:
        asyncpg.UniqueViolationError: something is known of one. The transaction is lost.
    """
    # in the order of the keys, which is how an index likes to grow
    ordered = sorted(rows, key=lambda row: row.update.pubkey)
    raw: list[tuple[Any, ...]] = []
    typed: dict[str, list[tuple[Any, ...]]] = {}
    for row in ordered:
        update = row.update
        version = (update.pubkey, update.slot, update.write_version)
        raw.append((*version, row.kind, update.owner, update.lamports, update.data))
        if row.kind is not None:
            typed.setdefault(row.kind, []).append((*version, *row.columns))
    await copier.copy("accounts", ACCOUNT_COLUMNS, raw, schema=SCHEMA)
    for kind, values in typed.items():
        await copier.copy(kind, TYPED_COLUMNS[kind], values, schema=SCHEMA)
    at = _AT["messages"]
    thread, index, content = at["thread"], at["index"], at["content_hash"]
    outbox = [("thread", row[0], None, None, row[1]) for row in typed.get("threads", ())]
    outbox += [
        ("message", row[thread], row[content], row[0], row[1])
        for row in sorted(typed.get("messages", ()), key=lambda row: (row[thread], row[index]))
    ]
    await copier.copy("outbox", OUTBOX_COLUMNS, outbox, schema=SCHEMA)
    return len(outbox)


async def copy_transactions(
    connection: asyncpg.Connection[Any], copier: Copier, rows: Sequence[TransactionRow]
) -> list[Moved]:
    """Transactions that are not there, in chain order, their events numbered after those that
    are; answers the new heads of their threads, which `END_HISTORY` moves.

    The caller holds the watermark, so that nobody else gives numbers.

    Raises:
        asyncpg.UniqueViolationError: one of them is there. The transaction is lost.
    """
    await copier.copy(
        "transactions",
        TRANSACTION_COLUMNS,
        [
            (
                row.signature,
                row.slot,
                row.position,
                row.fee_payer,
                row.fee,
                None if row.error is None else json.dumps(row.error),
                row.block_time,
            )
            for row in rows
        ],
        schema=SCHEMA,
    )
    events = [
        event for row in rows for event in sorted(row.events, key=lambda event: event.ordinal)
    ]
    if not events:
        return []
    threads = {event.thread: event.slot for event in events}  # the newest slot of each
    found = await connection.fetch(HEADS, list(threads))
    heads = {thread: [epoch, seq] for thread, epoch, seq in found}
    numbered = []
    for event in events:
        head = heads[event.thread]
        head[1] += 1
        numbered.append(
            (
                event.thread,
                *head,
                event.slot,
                event.signature,
                event.ordinal,
                event.kind,
                orjson.dumps(event.payload),
                event.at,
            )
        )
    await copier.copy("thread_events", NUMBERED_COLUMNS, numbered, schema=SCHEMA)
    return [(thread, *heads[thread], slot) for thread, slot in threads.items()]
