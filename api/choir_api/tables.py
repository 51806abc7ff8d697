"""The tables of schema ``app``, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from choir_api.db import metadata

_MOMENT = sa.DateTime(timezone=True)

wallets = sa.Table(
    "wallets",
    metadata,
    sa.Column("wallet", sa.LargeBinary, primary_key=True),
    sa.Column("premium_until", _MOMENT),
    sa.Column("created_at", _MOMENT, nullable=False),
)

nonces = sa.Table(
    "nonces",
    metadata,
    sa.Column("nonce", sa.Text, primary_key=True),
    sa.Column("wallet", sa.LargeBinary, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("issued_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT, nullable=False, index=True),
    sa.Column("used_at", _MOMENT),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("wallet", sa.LargeBinary, nullable=False),
    sa.Column("user_agent", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("refreshed_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT, nullable=False),
    sa.Column("revoked_at", _MOMENT),
    sa.Column("revoked_because", sa.Text),
    sa.Index("sessions_wallet_idx", "wallet", "created_at"),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column(
        "session_id",
        UUID(as_uuid=True),
        sa.ForeignKey("app.sessions.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("issued_at", _MOMENT, nullable=False),
    sa.Column("used_at", _MOMENT),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("wallet", sa.LargeBinary, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT),
    sa.Column("revoked_at", _MOMENT),
    sa.Index("api_keys_wallet_idx", "wallet", "created_at"),
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("thread", sa.LargeBinary, primary_key=True),
    sa.Column("content_hash", sa.LargeBinary, primary_key=True, index=True),
    sa.Column("thread_id", sa.Text, nullable=False),
    sa.Column("author", sa.LargeBinary, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("ciphertext", sa.LargeBinary),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("landed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("contents_unlanded_author_idx", "author", postgresql_where=sa.text("NOT landed")),
    sa.Index("contents_unlanded_idx", "created_at", postgresql_where=sa.text("NOT landed")),
    sa.Index(
        "contents_words_idx",
        sa.text("to_tsvector('english'::regconfig, \"left\"(text, 50000))"),
        postgresql_using="gin",
    ),
)

content_outbox = sa.Table(
    "content_outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("thread", sa.LargeBinary, nullable=False),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.ForeignKeyConstraint(
        ["thread", "content_hash"],
        ["app.contents.thread", "app.contents.content_hash"],
        ondelete="CASCADE",
    ),
)

# At least this level until the mirror of that chain is complete to `slot`; see
# :mod:`choir_api.floors`.
privacy_floors = sa.Table(
    "privacy_floors",
    metadata,
    sa.Column("thread", sa.LargeBinary, primary_key=True),
    sa.Column("signature", sa.LargeBinary, primary_key=True),
    sa.Column("genesis_hash", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger, nullable=False),
    sa.Column("slot", sa.Numeric(20), nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sa.Column("reservation", sa.LargeBinary),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT, nullable=False, index=True),
)
