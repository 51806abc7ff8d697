"""The SQL of other programs' rows: staging tables, guarded merges. Text only, no I/O.

As :mod:`choir_indexer.store.merge`, with the program in every key and ``$1``. Rows of programs
never meet: each statement names one.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCOUNTS_AFTER",
    "ACCOUNTS_AS_OF",
    "ACCOUNT_COLUMNS",
    "AGE_ACCOUNTS",
    "BEGIN",
    "BURY_UNLISTED",
    "DROP_ABSENCES",
    "DROP_STALE_LIVE",
    "EVENT_COLUMNS",
    "FORGET",
    "FORGET_ABSENCES",
    "KEEP_ABSENCES",
    "LATE",
    "MERGE_ACCOUNTS",
    "MERGE_EVENTS",
    "MERGE_TRANSACTIONS",
    "MOVE_MARK",
    "STAGING",
    "TRANSACTION_COLUMNS",
    "TURN_BACK",
]

ACCOUNT_COLUMNS: Final = (
    "pubkey", "slot", "write_version", "kind", "lamports", "data", "value", "reason", "certain",
)  # fmt: skip
TRANSACTION_COLUMNS: Final = ("signature", "slot", "position", "error", "block_time")
EVENT_COLUMNS: Final = (
    "signature", "ordinal", "slot", "position", "kind", "payload", "data", "reason", "at",
)  # fmt: skip

# made once for each connection, emptied by each commit
STAGING: Final = (
    """CREATE TEMP TABLE stage_accounts (pubkey bytea PRIMARY KEY, slot numeric(20),
        write_version numeric(20), kind text, lamports numeric(20), data bytea, value jsonb,
        reason text, certain boolean) ON COMMIT DELETE ROWS""",
    """CREATE TEMP TABLE stage_transactions (signature bytea PRIMARY KEY, slot numeric(20),
        position integer, error jsonb, block_time bigint) ON COMMIT DELETE ROWS""",
    """CREATE TEMP TABLE stage_events (signature bytea, ordinal integer, slot numeric(20),
        position integer, kind text, payload jsonb, data bytea, reason text, at bigint)
        ON COMMIT DELETE ROWS""",
    "CREATE TEMP TABLE stage_fresh (signature bytea PRIMARY KEY) ON COMMIT DELETE ROWS",
)

BEGIN: Final = """
    INSERT INTO chain.program_watermarks AS w
        (program, genesis_hash, epoch, slot, commitment, fingerprint, kept)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (program) DO UPDATE SET commitment = excluded.commitment
    WHERE w.commitment <> excluded.commitment
"""

DROP_STALE_LIVE: Final = """
    DELETE FROM stage_accounts
    WHERE slot <= (SELECT slot FROM chain.program_watermarks WHERE program = $1)
"""

# An absence that is not certain buries only what is known.
MERGE_ACCOUNTS: Final = """
    INSERT INTO chain.program_accounts AS a
        (program, pubkey, slot, write_version, kind, lamports, data, value, reason, closed_slot)
    SELECT $1, s.pubkey, s.slot, s.write_version, s.kind, s.lamports, s.data, s.value, s.reason,
           CASE WHEN s.data IS NULL THEN s.slot END
    FROM stage_accounts s
    WHERE s.data IS NOT NULL OR s.certain
       OR EXISTS (SELECT FROM chain.program_accounts k
                  WHERE k.program = $1 AND k.pubkey = s.pubkey)
    ORDER BY s.pubkey
    ON CONFLICT (program, pubkey) DO UPDATE SET
        slot = excluded.slot, write_version = excluded.write_version, kind = excluded.kind,
        lamports = excluded.lamports, data = excluded.data, value = excluded.value,
        reason = excluded.reason, closed_slot = excluded.closed_slot
    WHERE (a.slot, a.write_version) < (excluded.slot, excluded.write_version)
"""

# ... but its slot may yet be dropped, and it with it: until $2 says that the slot is final, it is
# on record. After the merge.
KEEP_ABSENCES: Final = """
    INSERT INTO chain.program_absences (program, slot, pubkeys)
    SELECT $1, s.slot, array_agg(s.pubkey ORDER BY s.pubkey) FROM stage_accounts s
    WHERE s.data IS NULL AND NOT s.certain AND s.slot > $2
      AND NOT EXISTS (SELECT FROM chain.program_accounts k
                      WHERE k.program = $1 AND k.pubkey = s.pubkey)
    GROUP BY s.slot
"""
ACCOUNTS_AS_OF: Final = """
    SELECT pubkey FROM chain.program_accounts WHERE program = $1 AND slot = ANY($2::numeric[])
    UNION SELECT unnest(pubkeys) FROM chain.program_absences
    WHERE program = $1 AND slot = ANY($2::numeric[])
"""
ACCOUNTS_AFTER: Final = """
    SELECT pubkey FROM chain.program_accounts WHERE program = $1 AND slot > $2
    UNION SELECT unnest(pubkeys) FROM chain.program_absences WHERE program = $1 AND slot > $2
"""
FORGET_ABSENCES: Final = "DELETE FROM chain.program_absences WHERE program = $1 AND slot <= $2"
DROP_ABSENCES: Final = """
    WITH dropped AS (
        DELETE FROM chain.program_absences WHERE program = $1 AND slot > $2 RETURNING pubkeys
    )
    SELECT unnest(pubkeys) FROM dropped
"""

# After a whole snapshot at $2 is merged, what is older was not in it: it is gone.
BURY_UNLISTED: Final = """
    UPDATE chain.program_accounts
    SET kind = NULL, lamports = 0, data = NULL, value = NULL, reason = NULL,
        closed_slot = $2, slot = $2, write_version = $3
    WHERE program = $1 AND closed_slot IS NULL AND slot < $2
"""

# A transaction is written once; its events go with it or not at all.
MERGE_TRANSACTIONS: Final = """
    WITH fresh AS (
        INSERT INTO chain.program_transactions
            (program, signature, slot, position, error, block_time)
        SELECT $1, signature, slot, position, error, block_time FROM stage_transactions
        ORDER BY slot, position
        ON CONFLICT (program, signature) DO NOTHING
        RETURNING signature
    )
    INSERT INTO stage_fresh SELECT signature FROM fresh
"""

# What the watermark has passed cannot be new.
LATE: Final = """
    SELECT t.signature, t.slot FROM stage_transactions t JOIN stage_fresh USING (signature)
    WHERE t.slot <= (SELECT slot FROM chain.program_watermarks WHERE program = $1)
    ORDER BY t.slot, t.position LIMIT 1
"""

MERGE_EVENTS: Final = """
    INSERT INTO chain.program_events
        (program, signature, ordinal, slot, position, kind, payload, data, reason, at)
    SELECT $1, e.signature, e.ordinal, e.slot, e.position, e.kind, e.payload, e.data, e.reason,
           e.at
    FROM stage_events e JOIN stage_fresh USING (signature)
    ORDER BY e.slot, e.position, e.ordinal
"""

MOVE_MARK: Final = """
    UPDATE chain.program_watermarks SET slot = $2, updated_at = now(),
        finalized_slot = greatest(finalized_slot, least($2, $3::numeric)),
        history_slot = coalesce(history_slot, $4::numeric)
    WHERE program = $1
"""

# As old as what stands, so that every answer about the new branch is newer.
AGE_ACCOUNTS: Final = """
    UPDATE chain.program_accounts
    SET slot = $2, write_version = 0, closed_slot = CASE WHEN data IS NULL THEN $2::numeric END
    WHERE program = $1 AND slot > $2 RETURNING pubkey
"""

# Whoever reads events by their place sees by the epoch that places were given anew.
TURN_BACK: Final = """
    UPDATE chain.program_watermarks
    SET slot = $2, snapshot_slot = least(snapshot_slot, $2), updated_at = now(),
        epoch = epoch + (CASE WHEN $3::boolean THEN 1 ELSE 0 END)
    WHERE program = $1 RETURNING epoch
"""

FORGET: Final = tuple(
    f"DELETE FROM chain.{table} WHERE program = $1"  # noqa: S608 - names of tables
    for table in (
        "program_accounts",
        "program_absences",
        "program_events",
        "program_transactions",
        "program_watermarks",
    )
)  # fmt: skip
