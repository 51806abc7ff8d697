"""The tables of spaces, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, UUID

from choir_api.db import metadata

_MOMENT = sa.DateTime(timezone=True)


def _space_id(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "space_id",
        sa.Text,
        sa.ForeignKey("app.spaces.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("epoch_version", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("config", JSONB, nullable=False),
    sa.Column("members", sa.Integer, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
)

deltas = sa.Table(
    "space_deltas",
    metadata,
    _space_id(primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("author", sa.LargeBinary, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("counter", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("from_version", sa.BigInteger, nullable=False),
    sa.Column("cv", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("ops", JSON, nullable=False),
    sa.Column("at", _MOMENT, nullable=False),
    sa.UniqueConstraint("space_id", "author", "stream", "counter"),
)

snapshots = sa.Table(
    "space_snapshots",
    metadata,
    _space_id(primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("epoch_version", sa.BigInteger, nullable=False),
    sa.Column("primes", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("turns", sa.LargeBinary, nullable=False),
    sa.Column("settings", JSONB, nullable=False),
    sa.Column("tick", sa.BigInteger, nullable=False),
    sa.Column("at", _MOMENT, nullable=False),
)

members = sa.Table(
    "space_members",
    metadata,
    _space_id(primary_key=True),
    sa.Column("wallet", sa.LargeBinary, primary_key=True),
    sa.Column("id", UUID(as_uuid=True), nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("joined_at", _MOMENT, nullable=False),
    sa.Index("space_members_wallet_idx", "wallet", "space_id"),
)

sessions = sa.Table(
    "space_sessions",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    _space_id(),
    sa.Column("wallet", sa.LargeBinary, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column(
        "auth_session_id", UUID(as_uuid=True), sa.ForeignKey("app.sessions.id", ondelete="CASCADE")
    ),
    sa.Column(
        "api_key_id", UUID(as_uuid=True), sa.ForeignKey("app.api_keys.id", ondelete="CASCADE")
    ),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("expires_at", _MOMENT, nullable=False, index=True),
    sa.Index("space_sessions_space_id_idx", "space_id", "wallet"),
)

counters = sa.Table(
    "space_counters",
    metadata,
    _space_id(primary_key=True),
    sa.Column("author", sa.LargeBinary, primary_key=True),
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("counter", sa.BigInteger, nullable=False),
)
