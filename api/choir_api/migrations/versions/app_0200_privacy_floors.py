"""Floors under privacy levels: a change counts from its acknowledgement on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0200"
down_revision = "app_0111"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute(
        sa.text(
            """
            CREATE TABLE app.privacy_floors (
                thread bytea NOT NULL CHECK (octet_length(thread) = 32),
                signature bytea NOT NULL CHECK (octet_length(signature) = 64),
                genesis_hash text NOT NULL,
                level smallint NOT NULL CHECK (level BETWEEN 0 AND 3),
                slot numeric(20) NOT NULL,
                PRIMARY KEY (thread, signature)
            )
            """
        )
    )


def downgrade() -> None:
    """Drop it."""
    op.execute(sa.text("DROP TABLE app.privacy_floors"))
