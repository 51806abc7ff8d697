"""Gaps in what the source gave, from when they were found until they were filled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0004"
down_revision = "chain_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One gap at most is open."""
    op.execute(
        sa.text(
            """
            CREATE TABLE chain.gaps (
                id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
                from_slot numeric(20) NOT NULL,
                to_slot numeric(20) NOT NULL,
                reason text NOT NULL,
                found_at timestamptz NOT NULL DEFAULT now(),
                last_seen_at timestamptz NOT NULL DEFAULT now(),
                filled_at timestamptz
            )
            """
        )
    )
    op.execute(
        sa.text(
            "CREATE UNIQUE INDEX gaps_one_open ON chain.gaps ((filled_at IS NULL))"
            " WHERE filled_at IS NULL"
        )
    )


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(sa.text("DROP TABLE chain.gaps"))
