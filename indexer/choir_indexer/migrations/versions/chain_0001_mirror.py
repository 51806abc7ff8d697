"""The mirror: accounts raw and typed, transactions, event sequences, watermark, outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "meta",
    "watermark",
    "accounts",
    "config",
    "treasury",
    "treasury_proposals",
    "threads",
    "positions",
    "specs",
    "messages",
    "transactions",
    "thread_heads",
    "thread_events",
    "outbox",
    "dead_letters",
)

VERSIONED = """
    pubkey bytea PRIMARY KEY CHECK (octet_length(pubkey) = 32),
    slot numeric(20) NOT NULL,
    write_version numeric(20) NOT NULL
"""

STATEMENTS = (
    """
    CREATE TABLE chain.meta (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        genesis_hash text NOT NULL,
        program_id text NOT NULL,
        epoch bigint NOT NULL CHECK (epoch > 0),
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE chain.watermark (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        slot numeric(20) NOT NULL,
        snapshot_slot numeric(20),
        finalized_slot numeric(20),
        commitment text NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    f"""
    CREATE TABLE chain.accounts (
        {VERSIONED},
        kind text,
        owner bytea,
        lamports numeric(20) NOT NULL,
        data bytea,
        closed_slot numeric(20),
        CHECK ((data IS NULL) = (closed_slot IS NOT NULL))
    )
    """,
    "CREATE INDEX accounts_kind_idx ON chain.accounts (kind) WHERE closed_slot IS NULL",
    f"""
    CREATE TABLE chain.config (
        {VERSIONED},
        authority bytea NOT NULL,
        pending_authority bytea,
        guardian bytea NOT NULL,
        stake_mint bytea NOT NULL,
        token_program bytea NOT NULL,
        treasury bytea NOT NULL,
        treasury_vault bytea NOT NULL,
        mint_decimals smallint NOT NULL,
        params jsonb NOT NULL,
        parameter_timelock bigint NOT NULL,
        pending_change jsonb,
        pending_at bigint NOT NULL,
        paused_until bigint[] NOT NULL
    )
    """,
    f"""
    CREATE TABLE chain.treasury (
        {VERSIONED},
        threshold smallint NOT NULL,
        signer_epoch bigint NOT NULL,
        proposal_count numeric(20) NOT NULL,
        vault bytea NOT NULL,
        signers bytea[] NOT NULL
    )
    """,
    f"""
    CREATE TABLE chain.treasury_proposals (
        {VERSIONED},
        index numeric(20) NOT NULL,
        proposer bytea NOT NULL,
        signer_epoch bigint NOT NULL,
        approvals integer NOT NULL,
        created_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        executed_at bigint NOT NULL,
        action jsonb NOT NULL
    )
    """,
    "CREATE INDEX treasury_proposals_index_idx ON chain.treasury_proposals (index DESC)",
    f"""
    CREATE TABLE chain.threads (
        {VERSIONED},
        thread_id text NOT NULL,
        status smallint NOT NULL,
        privacy smallint NOT NULL,
        author_epoch bigint NOT NULL,
        pending_specs bigint NOT NULL,
        creator bytea NOT NULL,
        vault bytea NOT NULL,
        balance numeric(20) NOT NULL,
        total_claimable numeric(20) NOT NULL,
        total_shares numeric(20) NOT NULL,
        reward_per_author numeric(20) NOT NULL,
        message_count numeric(20) NOT NULL,
        head bytea NOT NULL,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        spec_count numeric(20) NOT NULL,
        min_balance numeric(20) NOT NULL,
        divest_cooldown bigint NOT NULL,
        co_authors bytea[] NOT NULL
    )
    """,
    "CREATE INDEX threads_thread_id_idx ON chain.threads (thread_id)",
    "CREATE INDEX threads_created_at_idx ON chain.threads (created_at DESC, pubkey DESC)",
    "CREATE INDEX threads_co_authors_idx ON chain.threads USING gin (co_authors)",
    f"""
    CREATE TABLE chain.positions (
        {VERSIONED},
        thread bytea NOT NULL,
        owner bytea NOT NULL,
        rent_payer bytea NOT NULL,
        shares numeric(20) NOT NULL,
        claimable numeric(20) NOT NULL,
        reward_checkpoint numeric(20) NOT NULL,
        last_stake_at bigint NOT NULL,
        last_action_at bigint NOT NULL,
        window_start bigint NOT NULL,
        window_count integer NOT NULL
    )
    """,
    "CREATE INDEX positions_thread_owner_idx ON chain.positions (thread, owner)",
    "CREATE INDEX positions_owner_idx ON chain.positions (owner)",
    f"""
    CREATE TABLE chain.specs (
        {VERSIONED},
        thread bytea NOT NULL,
        author bytea NOT NULL,
        rent_payer bytea NOT NULL,
        content_hash bytea NOT NULL,
        status smallint NOT NULL,
        stake numeric(20) NOT NULL,
        approvals integer NOT NULL,
        denials integer NOT NULL,
        author_epoch bigint NOT NULL,
        submitted_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        resolved_at bigint NOT NULL,
        sequence numeric(20) NOT NULL,
        privacy smallint NOT NULL
    )
    """,
    "CREATE INDEX specs_thread_idx ON chain.specs (thread, submitted_at DESC, pubkey DESC)",
    "CREATE INDEX specs_author_idx ON chain.specs (author)",
    "CREATE INDEX specs_content_hash_idx ON chain.specs (content_hash)",
    f"""
    CREATE TABLE chain.messages (
        {VERSIONED},
        thread bytea NOT NULL,
        author bytea NOT NULL,
        rent_payer bytea NOT NULL,
        index numeric(20) NOT NULL,
        privacy smallint NOT NULL,
        content_hash bytea NOT NULL,
        previous_head bytea NOT NULL,
        posted_slot numeric(20) NOT NULL,
        created_at bigint NOT NULL
    )
    """,
    "CREATE INDEX messages_thread_index_idx ON chain.messages (thread, index)",
    "CREATE INDEX messages_content_hash_idx ON chain.messages (content_hash)",
    "CREATE INDEX messages_author_idx ON chain.messages (author)",
    """
    CREATE TABLE chain.transactions (
        signature bytea PRIMARY KEY CHECK (octet_length(signature) = 64),
        slot numeric(20) NOT NULL,
        position integer NOT NULL,
        fee_payer bytea NOT NULL,
        fee numeric(20) NOT NULL,
        error jsonb,
        block_time bigint
    )
    """,
    "CREATE INDEX transactions_slot_idx ON chain.transactions (slot, position)",
    """
    CREATE TABLE chain.thread_heads (
        thread bytea PRIMARY KEY,
        epoch bigint NOT NULL,
        seq bigint NOT NULL CHECK (seq >= 0),
        slot numeric(20) NOT NULL
    )
    """,
    """
    CREATE TABLE chain.thread_events (
        thread bytea NOT NULL,
        epoch bigint NOT NULL,
        seq bigint NOT NULL CHECK (seq > 0),
        slot numeric(20) NOT NULL,
        signature bytea NOT NULL,
        ordinal integer NOT NULL,
        kind text NOT NULL,
        payload jsonb NOT NULL,
        at bigint,
        PRIMARY KEY (thread, epoch, seq),
        UNIQUE (signature, ordinal)
    )
    """,
    """
    CREATE TABLE chain.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('message', 'privacy', 'removed', 'thread')),
        thread bytea NOT NULL,
        content_hash bytea,
        message bytea,
        slot numeric(20) NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE chain.dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('account', 'transaction', 'event')),
        key bytea NOT NULL,
        ordinal integer NOT NULL,
        slot numeric(20) NOT NULL,
        data bytea NOT NULL,
        reason text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (kind, key, ordinal, slot)
    )
    """,
)


def upgrade() -> None:
    """Create the first tables of schema ``chain``."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    for table in reversed(TABLES):
        op.execute(sa.text(f"DROP TABLE chain.{table}"))
