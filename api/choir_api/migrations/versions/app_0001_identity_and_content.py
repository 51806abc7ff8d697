"""Sign-in, sessions, API keys, contents and idempotency."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables of schema ``app``."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    for table in reversed(TABLES):
        op.execute(sa.text(f"DROP TABLE app.{table}"))


TABLES = (
    "wallets",
    "nonces",
    "sessions",
    "refresh_tokens",
    "api_keys",
    "contents",
    "content_outbox",
    "idempotency_keys",
)

STATEMENTS = (
    """
    CREATE TABLE app.wallets (
        wallet bytea PRIMARY KEY CHECK (octet_length(wallet) = 32),
        premium_until timestamptz,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE app.nonces (
        nonce text PRIMARY KEY,
        wallet bytea NOT NULL CHECK (octet_length(wallet) = 32),
        purpose text NOT NULL,
        message text NOT NULL,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX nonces_expires_at_idx ON app.nonces (expires_at)",
    """
    CREATE TABLE app.sessions (
        id uuid PRIMARY KEY,
        wallet bytea NOT NULL CHECK (octet_length(wallet) = 32),
        user_agent text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL,
        refreshed_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        revoked_because text
    )
    """,
    "CREATE INDEX sessions_wallet_idx ON app.sessions (wallet, created_at)",
    """
    CREATE TABLE app.refresh_tokens (
        hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
        session_id uuid NOT NULL REFERENCES app.sessions (id) ON DELETE CASCADE,
        issued_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX refresh_tokens_session_id_idx ON app.refresh_tokens (session_id)",
    """
    CREATE TABLE app.api_keys (
        id uuid PRIMARY KEY,
        wallet bytea NOT NULL CHECK (octet_length(wallet) = 32),
        name text NOT NULL,
        hint text NOT NULL,
        hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz
    )
    """,
    "CREATE INDEX api_keys_wallet_idx ON app.api_keys (wallet, created_at)",
    # A text is named by its hash within a thread; `author` is who brought it first.
    # Exactly one of text and ciphertext is there.
    """
    CREATE TABLE app.contents (
        thread bytea NOT NULL CHECK (octet_length(thread) = 32),
        content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
        thread_id text NOT NULL,
        author bytea NOT NULL CHECK (octet_length(author) = 32),
        text text,
        ciphertext bytea,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (thread, content_hash),
        CHECK ((text IS NULL) <> (ciphertext IS NULL)),
        CHECK (text IS NULL OR sha256(convert_to(text, 'UTF8')) = content_hash),
        CHECK (ciphertext IS NULL OR sha256(ciphertext) = content_hash)
    )
    """,
    "CREATE INDEX contents_content_hash_idx ON app.contents (content_hash)",
    # One row for every content stored: whoever embeds contents drains it, so that content
    # which arrives after its message is found too.
    """
    CREATE TABLE app.content_outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        thread bytea NOT NULL,
        content_hash bytea NOT NULL,
        created_at timestamptz NOT NULL,
        FOREIGN KEY (thread, content_hash)
            REFERENCES app.contents (thread, content_hash) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE app.idempotency_keys (
        owner text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
        status smallint NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (owner, key)
    )
    """,
    "CREATE INDEX idempotency_keys_expires_at_idx ON app.idempotency_keys (expires_at)",
)
