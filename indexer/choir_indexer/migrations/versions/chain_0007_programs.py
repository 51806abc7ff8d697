"""Other programs, mirrored by their IDLs: accounts and events as JSON, a watermark each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0007"
down_revision = "chain_0006"
branch_labels = None
depends_on = None

TABLES = ("program_watermarks", "program_accounts", "program_transactions", "program_events")
STATEMENTS = (
    """
    CREATE TABLE chain.program_watermarks (
        program bytea PRIMARY KEY CHECK (octet_length(program) = 32),
        genesis_hash text NOT NULL,
        epoch bigint NOT NULL CHECK (epoch > 0),
        slot numeric(20) NOT NULL,
        snapshot_slot numeric(20),
        finalized_slot numeric(20),
        history_slot numeric(20),
        commitment text NOT NULL,
        fingerprint text NOT NULL,
        kept text[],
        gap jsonb,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE chain.program_accounts (
        program bytea NOT NULL,
        pubkey bytea NOT NULL CHECK (octet_length(pubkey) = 32),
        slot numeric(20) NOT NULL,
        write_version numeric(20) NOT NULL,
        kind text,
        lamports numeric(20) NOT NULL,
        data bytea,
        value jsonb,
        reason text,
        closed_slot numeric(20),
        PRIMARY KEY (program, pubkey),
        CHECK ((data IS NULL) = (closed_slot IS NOT NULL)),
        CHECK ((kind IS NULL) = (value IS NULL)),
        CHECK ((reason IS NULL) = (kind IS NOT NULL OR data IS NULL))
    )
    """,
    """
    CREATE INDEX program_accounts_kind_idx ON chain.program_accounts (program, kind, pubkey)
        WHERE closed_slot IS NULL
    """,
    "CREATE INDEX program_accounts_slot_idx ON chain.program_accounts (program, slot)",
    """
    CREATE INDEX program_accounts_value_idx ON chain.program_accounts
        USING gin (value jsonb_path_ops)
    """,
    """
    CREATE TABLE chain.program_transactions (
        program bytea NOT NULL,
        signature bytea NOT NULL CHECK (octet_length(signature) = 64),
        slot numeric(20) NOT NULL,
        position integer NOT NULL,
        error jsonb,
        block_time bigint,
        PRIMARY KEY (program, signature)
    )
    """,
    """
    CREATE INDEX program_transactions_slot_idx
        ON chain.program_transactions (program, slot, position)
    """,
    """
    CREATE TABLE chain.program_events (
        program bytea NOT NULL,
        signature bytea NOT NULL,
        ordinal integer NOT NULL,
        slot numeric(20) NOT NULL,
        position integer NOT NULL,
        kind text,
        payload jsonb,
        data bytea,
        reason text,
        at bigint,
        PRIMARY KEY (program, signature, ordinal),
        CHECK ((kind IS NULL) = (payload IS NULL))
    )
    """,
    """
    CREATE INDEX program_events_slot_idx
        ON chain.program_events (program, slot, position, ordinal)
    """,
    """
    CREATE INDEX program_events_kind_idx
        ON chain.program_events (program, kind, slot, position, ordinal)
    """,
)


def upgrade() -> None:
    """Create the tables of other programs."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    for table in reversed(TABLES):
        op.execute(sa.text(f"DROP TABLE chain.{table}"))
