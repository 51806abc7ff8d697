"""What each reconciliation found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0008"
down_revision = "chain_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row for each comparison with the chain."""
    op.execute(
        sa.text(
            """
            CREATE TABLE chain.reconciliations (
                id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
                at timestamptz NOT NULL DEFAULT now(),
                slot numeric(20) NOT NULL,
                ok boolean NOT NULL,
                accounts bigint NOT NULL,
                transactions bigint NOT NULL,
                differences bigint NOT NULL,
                repaired bigint NOT NULL,
                missing_transactions bigint NOT NULL,
                short_vaults bigint NOT NULL,
                report jsonb NOT NULL
            )
            """
        )
    )


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(sa.text("DROP TABLE chain.reconciliations"))
