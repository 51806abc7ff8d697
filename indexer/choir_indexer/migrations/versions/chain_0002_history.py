"""Where the mirror's history begins, when the node that filled it had forgotten the beginning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0002"
down_revision = "chain_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Transactions and events are known from slot `history_slot` on; NULL: all of them."""
    op.execute(sa.text("ALTER TABLE chain.watermark ADD COLUMN history_slot numeric(20)"))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(sa.text("ALTER TABLE chain.watermark DROP COLUMN history_slot"))
