"""How far transactions and events are no longer kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0009"
down_revision = "chain_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newest slots that a transaction, and an event, was retired from; NULL: none was."""
    op.execute(
        sa.text(
            "ALTER TABLE chain.watermark ADD COLUMN retired_slot numeric(20),"
            " ADD COLUMN retired_events_slot numeric(20)"
        )
    )


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(
        sa.text(
            "ALTER TABLE chain.watermark DROP COLUMN retired_slot, DROP COLUMN retired_events_slot"
        )
    )
