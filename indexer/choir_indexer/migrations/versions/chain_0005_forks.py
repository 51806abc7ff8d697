"""Forks: what was rolled back, and finding the accounts that a rollback concerns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0005"
down_revision = "chain_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A record of rollbacks; accounts can be found by the slot of their row."""
    op.execute(
        sa.text(
            """
            CREATE TABLE chain.rollbacks (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                at timestamptz NOT NULL DEFAULT now(),
                from_slot numeric(20) NOT NULL,
                to_slot numeric(20) NOT NULL CHECK (to_slot < from_slot),
                epoch bigint NOT NULL,
                transactions integer NOT NULL,
                events integer NOT NULL,
                accounts integer NOT NULL,
                reason text NOT NULL
            )
            """
        )
    )
    op.execute(sa.text("CREATE INDEX accounts_slot_idx ON chain.accounts (slot)"))
    # what is called final must be in the mirror: from here on it is checked before it is called so
    op.execute(sa.text("UPDATE chain.watermark SET finalized_slot = least(finalized_slot, slot)"))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(sa.text("DROP INDEX chain.accounts_slot_idx"))
    op.execute(sa.text("DROP TABLE chain.rollbacks"))
