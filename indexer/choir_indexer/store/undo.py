"""The SQL of a rollback: what was written of slots after one is taken back. Text only, no I/O.

In each, ``$1`` is the newest slot that stands.
"""

# ruff: noqa: S608 - every name put into these texts comes from the schema, never from outside

from __future__ import annotations

from typing import Final

from choir_indexer.store.merge import KINDS

__all__ = [
    "AGE_ACCOUNTS",
    "AGE_TYPED",
    "DROP_ABSENCES",
    "DROP_EMPTY_HEADS",
    "DROP_LETTERS",
    "DROP_TRANSACTIONS",
    "MOVE_EVENTS",
    "MOVE_HEADS",
    "NEXT_EPOCH",
    "RECORD",
    "TURN_BACK",
    "WITHDRAW_EVENTS",
]

# Threads that lost events, where each sequence ends now, and how many it lost.
WITHDRAW_EVENTS: Final = """
    WITH withdrawn AS (
        DELETE FROM chain.thread_events e USING chain.transactions t
        WHERE t.signature = e.signature AND t.slot > $1
        RETURNING e.thread, e.seq
    )
    SELECT thread, min(seq) - 1 AS seq, count(*) AS lost FROM withdrawn
    GROUP BY thread ORDER BY thread
"""

NEXT_EPOCH: Final = "UPDATE chain.meta SET epoch = epoch + 1 RETURNING epoch"

# The numbers that were withdrawn are given again in another epoch only, and whoever stood at one
# of them must see that: so the rest of the sequence goes there too.
MOVE_EVENTS: Final = "UPDATE chain.thread_events SET epoch = $1 WHERE thread = ANY($2::bytea[])"
MOVE_HEADS: Final = """
    UPDATE chain.thread_heads h SET epoch = $2, seq = w.seq, slot = coalesce((
        SELECT e.slot FROM chain.thread_events e
        WHERE e.thread = h.thread AND e.epoch = $2 AND e.seq = w.seq), $1)
    FROM unnest($3::bytea[], $4::bigint[]) AS w (thread, seq) WHERE h.thread = w.thread
"""
# as if there had never been any
DROP_EMPTY_HEADS: Final = """
    DELETE FROM chain.thread_heads WHERE thread = ANY($1::bytea[]) AND seq = 0
"""

DROP_TRANSACTIONS: Final = "DELETE FROM chain.transactions WHERE slot > $1"
DROP_LETTERS: Final = "DELETE FROM chain.dead_letters WHERE slot > $1"

# As old as what stands, so that every answer about the new branch is newer.
AGE_ACCOUNTS: Final = """
    UPDATE chain.accounts
    SET slot = $1, write_version = 0, closed_slot = CASE WHEN data IS NULL THEN $1::numeric END
    WHERE slot > $1 RETURNING pubkey
"""
AGE_TYPED: Final = tuple(
    f"UPDATE chain.{kind} SET slot = $1, write_version = 0 WHERE pubkey = ANY($2::bytea[])"
    for kind in KINDS
)

DROP_ABSENCES: Final = """
    WITH dropped AS (DELETE FROM chain.absences WHERE slot > $1 RETURNING pubkeys)
    SELECT unnest(pubkeys) FROM dropped
"""

TURN_BACK: Final = """
    UPDATE chain.watermark
    SET slot = $1, snapshot_slot = least(snapshot_slot, $1), updated_at = now()
"""

RECORD: Final = """
    INSERT INTO chain.rollbacks
        (to_slot, from_slot, epoch, transactions, events, accounts, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
