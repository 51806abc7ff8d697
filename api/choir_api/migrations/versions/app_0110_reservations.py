"""Idempotency keys are reserved before their effect, so that the effect's transaction is short."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0110"
down_revision = "app_0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows without an answer are being worked on by whoever holds the reservation."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Back to rows that are written with their answer."""
    op.execute(sa.text("DELETE FROM app.idempotency_keys WHERE body IS NULL"))
    op.execute(
        sa.text(
            "ALTER TABLE app.idempotency_keys DROP COLUMN reservation, "
            "ALTER COLUMN body SET NOT NULL"
        )
    )


STATEMENTS = (
    """
    ALTER TABLE app.idempotency_keys
        ALTER COLUMN body DROP NOT NULL,
        ADD COLUMN reservation bytea,
        ADD CHECK ((body IS NULL) = (reservation IS NOT NULL))
    """,
)
