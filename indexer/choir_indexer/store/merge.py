"""The SQL of the one writer: staging tables and guarded merges. Text only, no I/O.

Rows arrive by `COPY` in temporary tables and go on in one statement for each table. A row
stands only against an older (slot, write_version); a tombstone is a row like any other, so an
older write cannot revive it.
"""

# ruff: noqa: S608 - every name put into these texts comes from the schema, never from outside

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCOUNTS_AFTER",
    "ACCOUNTS_AS_OF",
    "ACCOUNT_COLUMNS",
    "BURY_UNLISTED",
    "DROP_STALE_LIVE",
    "DROP_TYPED",
    "EVENT_COLUMNS",
    "KEEP_ABSENCES",
    "KEEP_LETTERS",
    "KINDS",
    "MERGE_ACCOUNTS",
    "NOT_AT_ONCE",
    "OUTBOX_BEFORE",
    "SOME_UNLISTED",
    "TRANSACTION_COLUMNS",
    "TYPED_COLUMNS",
    "merge_typed",
]

KINDS: Final = (
    "config", "treasury", "treasury_proposals", "threads", "positions", "specs", "messages",
)  # fmt: skip


# Columns in the order of the tables; a test compares them with the schema.
_VERSION: Final = ("pubkey", "slot", "write_version")
TYPED_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "config": (
        *_VERSION,
        "authority",
        "pending_authority",
        "guardian",
        "stake_mint",
        "token_program",
        "treasury",
        "treasury_vault",
        "mint_decimals",
        "params",
        "parameter_timelock",
        "pending_change",
        "pending_at",
        "paused_until",
    ),
    "treasury": (*_VERSION, "threshold", "signer_epoch", "proposal_count", "vault", "signers"),
    "treasury_proposals": (
        *_VERSION,
        "index",
        "proposer",
        "signer_epoch",
        "approvals",
        "created_at",
        "expires_at",
        "executed_at",
        "action",
    ),
    "threads": (
        *_VERSION,
        "thread_id",
        "status",
        "privacy",
        "author_epoch",
        "pending_specs",
        "creator",
        "vault",
        "balance",
        "total_claimable",
        "total_shares",
        "reward_per_author",
        "message_count",
        "head",
        "created_at",
        "updated_at",
        "spec_count",
        "min_balance",
        "divest_cooldown",
        "co_authors",
    ),
    "positions": (
        *_VERSION,
        "thread",
        "owner",
        "rent_payer",
        "shares",
        "claimable",
        "reward_checkpoint",
        "last_stake_at",
        "last_action_at",
        "window_start",
        "window_count",
    ),
    "specs": (
        *_VERSION,
        "thread",
        "author",
        "rent_payer",
        "content_hash",
        "status",
        "stake",
        "approvals",
        "denials",
        "author_epoch",
        "submitted_at",
        "expires_at",
        "resolved_at",
        "sequence",
        "privacy",
    ),
    "messages": (
        *_VERSION,
        "thread",
        "author",
        "rent_payer",
        "index",
        "privacy",
        "content_hash",
        "previous_head",
        "posted_slot",
        "created_at",
    ),
}
ACCOUNT_COLUMNS: Final = (
    "pubkey", "slot", "write_version", "kind", "owner", "lamports", "data", "certain",
)  # fmt: skip
TRANSACTION_COLUMNS: Final = (
    "signature",
    "slot",
    "position",
    "fee_payer",
    "fee",
    "error",
    "block_time",
)
EVENT_COLUMNS: Final = (
    "thread", "slot", "position", "signature", "ordinal", "kind", "payload", "at",
)  # fmt: skip


# An announcement at or below the watermark says nothing new: the rows are at least as new by
# then. Without this, one that comes late could revive an account whose end left no tombstone.
DROP_STALE_LIVE: Final = """
    DELETE FROM stage_accounts WHERE slot <= (SELECT slot FROM chain.watermark)
"""

# Commit without waiting for the disk: what was announced can be had again, and every later commit
# that does wait brings this one to the disk before itself.
NOT_AT_ONCE: Final = "SET LOCAL synchronous_commit TO off"

# An absence that is not certain buries only what is known.
MERGE_ACCOUNTS: Final = """
    INSERT INTO chain.accounts AS a
        (pubkey, slot, write_version, kind, owner, lamports, data, closed_slot)
    SELECT s.pubkey, s.slot, s.write_version, s.kind, s.owner, s.lamports, s.data,
           CASE WHEN s.data IS NULL THEN s.slot END
    FROM stage_accounts s
    WHERE s.data IS NOT NULL OR s.certain
       OR EXISTS (SELECT FROM chain.accounts k WHERE k.pubkey = s.pubkey)
    ORDER BY s.pubkey
    ON CONFLICT (pubkey) DO UPDATE SET
        slot = excluded.slot, write_version = excluded.write_version, kind = excluded.kind,
        owner = excluded.owner, lamports = excluded.lamports, data = excluded.data,
        closed_slot = excluded.closed_slot
    WHERE (a.slot, a.write_version) < (excluded.slot, excluded.write_version)
"""

# ... but its slot may yet be dropped, and it with it: until $1 says that the slot is final, it is
# on record. After the merge.
KEEP_ABSENCES: Final = """
    INSERT INTO chain.absences (slot, pubkeys)
    SELECT s.slot, array_agg(s.pubkey ORDER BY s.pubkey) FROM stage_accounts s
    WHERE s.data IS NULL AND NOT s.certain AND s.slot > $1
      AND NOT EXISTS (SELECT FROM chain.accounts k WHERE k.pubkey = s.pubkey)
    GROUP BY s.slot
"""
# Rows and absences as of a slot of $1, and as of a slot after $1.
ACCOUNTS_AS_OF: Final = """
    SELECT pubkey FROM chain.accounts WHERE slot = ANY($1::numeric[])
    UNION SELECT unnest(pubkeys) FROM chain.absences WHERE slot = ANY($1::numeric[])
"""
ACCOUNTS_AFTER: Final = """
    SELECT pubkey FROM chain.accounts WHERE slot > $1
    UNION SELECT unnest(pubkeys) FROM chain.absences WHERE slot > $1
"""

# After a whole snapshot at $1 is merged, what is older was not in it: it is gone.
SOME_UNLISTED: Final = """
    SELECT EXISTS (SELECT FROM chain.accounts WHERE closed_slot IS NULL AND slot < $1)
"""
BURY_UNLISTED: Final = """
    WITH gone AS (
        UPDATE chain.accounts
        SET kind = NULL, owner = NULL, lamports = 0, data = NULL,
            closed_slot = $1, slot = $1, write_version = $2
        WHERE closed_slot IS NULL AND slot < $1
        RETURNING pubkey
    )
    INSERT INTO stage_accounts (pubkey) SELECT pubkey FROM gone
    ON CONFLICT (pubkey) DO NOTHING
"""

_DROPS = ", ".join(
    f"""drop_{kind} AS (
        DELETE FROM chain.{kind} t USING batch b
        WHERE t.pubkey = b.pubkey AND b.kind IS DISTINCT FROM '{kind}')"""
    for kind in KINDS
    if kind != "messages"
)

# Typed rows of accounts in the batch that are closed, not understood, or of another kind now.
DROP_TYPED: Final = f"""
    WITH batch AS MATERIALIZED (
        SELECT a.pubkey, a.kind, a.slot FROM stage_accounts s JOIN chain.accounts a USING (pubkey)
    ), {_DROPS}, gone AS (
        DELETE FROM chain.messages t USING batch b
        WHERE t.pubkey = b.pubkey AND b.kind IS DISTINCT FROM 'messages'
        RETURNING t.thread, t.content_hash, t.pubkey, b.slot
    )
    INSERT INTO chain.outbox (kind, thread, content_hash, message, slot)
    SELECT 'removed', thread, content_hash, pubkey, slot FROM gone
"""

# Whether the staged row is the one that stands, and is not there yet.
_STANDS: Final = """
    EXISTS (SELECT FROM chain.accounts a WHERE a.pubkey = s.pubkey
            AND a.slot = s.slot AND a.write_version = s.write_version)
    AND NOT EXISTS (SELECT FROM chain.{kind} t WHERE t.pubkey = s.pubkey
            AND (t.slot, t.write_version) >= (s.slot, s.write_version))
"""

# What the vector store must hear of, found by comparing staged rows with those they replace.
OUTBOX_BEFORE: Final = {
    "threads": f"""
        INSERT INTO chain.outbox (kind, thread, slot)
        SELECT CASE WHEN o.privacy IS DISTINCT FROM s.privacy AND o.pubkey IS NOT NULL
                    THEN 'privacy' ELSE 'thread' END, s.pubkey, s.slot
        FROM stage_threads s LEFT JOIN chain.threads o USING (pubkey)
        WHERE {_STANDS.format(kind="threads")}
          AND (o.pubkey IS NULL OR (o.privacy, o.status, o.co_authors)
               IS DISTINCT FROM (s.privacy, s.status, s.co_authors))
        ORDER BY s.pubkey
    """,
    "messages": f"""
        INSERT INTO chain.outbox (kind, thread, content_hash, message, slot)
        SELECT 'message', s.thread, s.content_hash, s.pubkey, s.slot
        FROM stage_messages s LEFT JOIN chain.messages o USING (pubkey)
        WHERE {_STANDS.format(kind="messages")}
          AND (o.pubkey IS NULL OR (o.content_hash, o.privacy, o.author, o.created_at)
               IS DISTINCT FROM (s.content_hash, s.privacy, s.author, s.created_at))
        ORDER BY s.thread, s.index
    """,
}


def merge_typed(kind: str) -> str:
    """The statement that brings staged rows of `kind` into its table."""
    columns = TYPED_COLUMNS[kind]
    names = ", ".join(f'"{name}"' for name in columns)
    staged = ", ".join(f's."{name}"' for name in columns)
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != "pubkey")
    return f"""
        INSERT INTO chain.{kind} AS t ({names})
        SELECT {staged} FROM stage_{kind} s WHERE {_STANDS.format(kind=kind)} ORDER BY s.pubkey
        ON CONFLICT (pubkey) DO UPDATE SET {sets}
    """


# One array for each column.
KEEP_LETTERS: Final = """
    INSERT INTO chain.dead_letters (kind, key, ordinal, slot, data, reason)
    SELECT * FROM unnest(
        $1::text[], $2::bytea[], $3::integer[], $4::numeric[], $5::bytea[], $6::text[])
    ON CONFLICT (kind, key, ordinal, slot) DO NOTHING
"""
