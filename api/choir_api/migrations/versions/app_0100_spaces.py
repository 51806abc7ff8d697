"""Resonance spaces: rows, the append-only deltas, snapshots, members, sessions, counters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0100"
down_revision = "app_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of spaces."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    for table in reversed(TABLES):
        op.execute(sa.text(f"DROP TABLE app.{table}"))


TABLES = (
    "spaces",
    "space_deltas",
    "space_snapshots",
    "space_members",
    "space_sessions",
    "space_counters",
)

STATEMENTS = (
    # The row is also the lock under which a space gets its versions, one after the other.
    # `config` holds the present basis, phase profile and settings.
    """
    CREATE TABLE app.spaces (
        id text PRIMARY KEY,
        owner bytea NOT NULL CHECK (octet_length(owner) = 32),
        status text NOT NULL CHECK (status IN ('active', 'locked', 'archived')),
        epoch bigint NOT NULL,
        epoch_version bigint NOT NULL,
        version bigint NOT NULL CHECK (version >= epoch_version),
        config jsonb NOT NULL,
        members integer NOT NULL CHECK (members >= 0),
        created_at timestamptz NOT NULL
    )
    """,
    # One row a version. `ops` is json, not jsonb: replicas get what was accepted, digit by digit.
    # `stream` and `counter` name the delta among its author's, so that a repeat is found.
    """
    CREATE TABLE app.space_deltas (
        space_id text NOT NULL REFERENCES app.spaces (id) ON DELETE CASCADE,
        version bigint NOT NULL,
        epoch bigint NOT NULL,
        kind text NOT NULL CHECK (kind IN ('delta', 'patch', 'basis')),
        author bytea NOT NULL CHECK (octet_length(author) = 32),
        stream text NOT NULL,
        counter bigint NOT NULL,
        digest bytea NOT NULL CHECK (octet_length(digest) = 32),
        from_version bigint NOT NULL,
        cv bigint[] NOT NULL,
        ops json NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (space_id, version),
        UNIQUE (space_id, author, stream, counter)
    )
    """,
    # Every space has one at the version its epoch began with.
    """
    CREATE TABLE app.space_snapshots (
        space_id text NOT NULL REFERENCES app.spaces (id) ON DELETE CASCADE,
        version bigint NOT NULL,
        epoch bigint NOT NULL,
        epoch_version bigint NOT NULL,
        primes bigint[] NOT NULL,
        turns bytea NOT NULL,
        settings jsonb NOT NULL,
        tick bigint NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (space_id, version)
    )
    """,
    """
    CREATE TABLE app.space_members (
        space_id text NOT NULL REFERENCES app.spaces (id) ON DELETE CASCADE,
        wallet bytea NOT NULL CHECK (octet_length(wallet) = 32),
        id uuid NOT NULL UNIQUE,
        role text NOT NULL CHECK (role IN ('owner', 'admin', 'writer', 'reader')),
        joined_at timestamptz NOT NULL,
        PRIMARY KEY (space_id, wallet)
    )
    """,
    "CREATE INDEX space_members_wallet_idx ON app.space_members (wallet, space_id)",
    """
    CREATE TABLE app.space_sessions (
        id uuid PRIMARY KEY,
        space_id text NOT NULL REFERENCES app.spaces (id) ON DELETE CASCADE,
        wallet bytea NOT NULL CHECK (octet_length(wallet) = 32),
        role text NOT NULL,
        display_name text NOT NULL,
        auth_session_id uuid REFERENCES app.sessions (id) ON DELETE CASCADE,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX space_sessions_space_id_idx ON app.space_sessions (space_id, wallet)",
    "CREATE INDEX space_sessions_expires_at_idx ON app.space_sessions (expires_at)",
    """
    CREATE TABLE app.space_counters (
        space_id text NOT NULL REFERENCES app.spaces (id) ON DELETE CASCADE,
        author bytea NOT NULL,
        stream text NOT NULL,
        counter bigint NOT NULL,
        PRIMARY KEY (space_id, author, stream)
    )
    """,
)
