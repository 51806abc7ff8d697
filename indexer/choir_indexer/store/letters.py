"""The SQL that takes dead letters back. Text only, no I/O.

Events of a transaction that was not understood belong in the middle of their threads' sequences.
Where nothing later is numbered they are appended; else the thread is numbered anew under a new
epoch, so that no reader takes a number for what it no longer is.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCOUNT_KEYS",
    "COUNT",
    "DROP_BEFORE_KEPT",
    "DROP_LETTERS",
    "GIVE_BACK_MESSAGES",
    "HOLD_WATERMARK",
    "INSERT_EVENTS",
    "LATE_THREADS",
    "MOVE_EVENTS",
    "NEW_EPOCH",
    "NUMBER",
    "SET_HEADS",
    "SET_KINDS",
    "STAGE_EVENTS",
    "STANDING",
    "TRANSACTIONS",
]

COUNT: Final = "SELECT kind, count(DISTINCT key) FROM chain.dead_letters GROUP BY kind"
ACCOUNT_KEYS: Final = """
    SELECT DISTINCT key FROM chain.dead_letters WHERE kind = 'account' AND key > $1
    ORDER BY key LIMIT $2
"""
# locked, so that the mirror that runs beside writes before or after, never in between
STANDING: Final = """
    SELECT pubkey, slot, write_version, kind, owner, lamports, data FROM chain.accounts
    WHERE pubkey = ANY($1::bytea[]) ORDER BY pubkey FOR UPDATE
"""
SET_KINDS: Final = """
    UPDATE chain.accounts a SET kind = k.kind
    FROM unnest($1::bytea[], $2::text[]) AS k (pubkey, kind) WHERE a.pubkey = k.pubkey
"""
# of each account: its letters, except those with the bytes that are still not understood
DROP_LETTERS: Final = """
    DELETE FROM chain.dead_letters d
    USING unnest($2::bytea[], $3::bytea[]) AS k (key, still)
    WHERE d.kind = $1 AND d.key = k.key AND d.data IS DISTINCT FROM k.still
"""
HOLD_WATERMARK: Final = "SELECT slot FROM chain.watermark FOR UPDATE"
TRANSACTIONS: Final = """
    SELECT d.id, d.data, t.position,
           EXISTS (SELECT FROM chain.thread_events e WHERE e.signature = d.key) AS numbered
    FROM chain.dead_letters d LEFT JOIN chain.transactions t ON t.signature = d.key
    WHERE d.kind = 'transaction' AND d.id > $1 ORDER BY d.id LIMIT $2
"""
STAGE_EVENTS: Final = """
    CREATE TEMP TABLE IF NOT EXISTS stage_events (thread bytea, slot numeric(20),
        position integer, signature bytea, ordinal integer, kind text, payload jsonb, at bigint);
    DELETE FROM stage_events
"""
# what belongs before the oldest event of a thread from which older ones were retired is as old
DROP_BEFORE_KEPT: Final = """
    DELETE FROM stage_events s
    USING chain.thread_heads h, LATERAL (
        SELECT e.seq, e.slot, coalesce(t.position, -1) AS position FROM chain.thread_events e
        LEFT JOIN chain.transactions t ON t.signature = e.signature
        WHERE e.thread = h.thread AND e.epoch = h.epoch ORDER BY e.seq LIMIT 1) AS oldest
    WHERE s.thread = h.thread AND oldest.seq > 1
      AND (s.slot, s.position) < (oldest.slot, oldest.position)
"""
# threads in which something later than a staged event is numbered
LATE_THREADS: Final = """
    SELECT DISTINCT s.thread FROM stage_events s
    JOIN chain.thread_heads h USING (thread)
    JOIN chain.thread_events e ON e.thread = h.thread AND e.epoch = h.epoch
    LEFT JOIN chain.transactions t ON t.signature = e.signature
    WHERE (e.slot, coalesce(t.position, -1)) > (s.slot, s.position)
"""
NEW_EPOCH: Final = "UPDATE chain.meta SET epoch = epoch + 1 RETURNING epoch"
# $1 the new epoch, $2 the threads that get it
NUMBER: Final = """
    CREATE TEMP TABLE renumbered ON COMMIT DROP AS
    WITH there AS (
        SELECT e.thread, e.slot, coalesce(t.position, -1) AS position, e.seq, e.signature,
               e.ordinal
        FROM chain.thread_events e JOIN chain.thread_heads h USING (thread, epoch)
        LEFT JOIN chain.transactions t ON t.signature = e.signature
        WHERE e.thread IN (SELECT thread FROM stage_events)
        UNION ALL
        SELECT thread, slot, position, NULL, signature, ordinal FROM stage_events
    )
    SELECT thread, slot, signature, ordinal, seq IS NULL AS fresh,
           (SELECT coalesce(min(o.seq), 1) FROM there o WHERE o.thread = there.thread) - 1
           + row_number() OVER (PARTITION BY thread
                                ORDER BY slot, position, coalesce(seq, 0), ordinal) AS seq
    FROM there
"""
MOVE_EVENTS: Final = """
    UPDATE chain.thread_events e SET epoch = $1, seq = r.seq FROM renumbered r
    WHERE NOT r.fresh AND r.thread = ANY($2::bytea[])
      AND e.signature = r.signature AND e.ordinal = r.ordinal
"""
INSERT_EVENTS: Final = """
    INSERT INTO chain.thread_events
        (thread, epoch, seq, slot, signature, ordinal, kind, payload, at)
    SELECT s.thread,
           CASE WHEN s.thread = ANY($2::bytea[]) THEN $1 ELSE coalesce(h.epoch, m.epoch) END,
           r.seq, s.slot, s.signature, s.ordinal, s.kind, s.payload, s.at
    FROM stage_events s JOIN renumbered r ON r.fresh AND r.signature = s.signature
         AND r.ordinal = s.ordinal
    LEFT JOIN chain.thread_heads h ON h.thread = s.thread, chain.meta m
"""
SET_HEADS: Final = """
    INSERT INTO chain.thread_heads AS h (thread, epoch, seq, slot)
    SELECT r.thread, CASE WHEN r.thread = ANY($2::bytea[]) THEN $1 ELSE max(m.epoch) END,
           max(r.seq), max(r.slot)
    FROM renumbered r, chain.meta m GROUP BY r.thread
    ON CONFLICT (thread) DO UPDATE SET
        epoch = CASE WHEN excluded.thread = ANY($2::bytea[]) THEN $1 ELSE h.epoch END,
        seq = excluded.seq, slot = excluded.slot
    RETURNING thread, epoch, seq
"""
# the pump looks at what the outbox names as if it had never seen it
GIVE_BACK_MESSAGES: Final = """
    WITH letters AS (
        DELETE FROM chain.dead_letters WHERE kind = 'message' RETURNING key, data
    ), given AS (
        INSERT INTO chain.outbox (kind, thread, content_hash, message, slot)
        SELECT 'message', m.thread, m.content_hash, m.pubkey, m.slot
        FROM chain.messages m
        WHERE EXISTS (SELECT FROM letters l WHERE l.key = m.pubkey AND l.data = m.content_hash)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM letters) AS letters, (SELECT count(*) FROM given) AS given
"""
