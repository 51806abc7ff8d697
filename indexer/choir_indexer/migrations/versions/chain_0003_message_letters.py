"""Messages that no vector can be made of are dead letters too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0003"
down_revision = "chain_0002"
branch_labels = None
depends_on = None

OLD = "'account', 'transaction', 'event'"


def _allow(kinds: str) -> None:
    op.execute(sa.text("ALTER TABLE chain.dead_letters DROP CONSTRAINT dead_letters_kind_check"))
    op.execute(
        sa.text(
            "ALTER TABLE chain.dead_letters ADD CONSTRAINT dead_letters_kind_check"
            f" CHECK (kind IN ({kinds}))"
        )
    )


def upgrade() -> None:
    """Let a dead letter be of a message: `key` its address, `data` its content's hash."""
    _allow(f"{OLD}, 'message'")


def downgrade() -> None:
    """Take that back, with the letters."""
    op.execute(sa.text("DELETE FROM chain.dead_letters WHERE kind = 'message'"))
    _allow(OLD)
