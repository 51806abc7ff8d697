"""Alerts of the monitors, and a way to the events of the last hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0006"
down_revision = "chain_0005"
branch_labels = None
depends_on = None

UP = (
    """
    CREATE TABLE chain.alerts (
        id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        rule text NOT NULL,
        subject text NOT NULL,
        detail text NOT NULL,
        measure numeric NOT NULL,
        threshold numeric NOT NULL,
        opened_at timestamptz NOT NULL DEFAULT now(),
        last_seen_at timestamptz NOT NULL DEFAULT now(),
        closed_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX alerts_open ON chain.alerts (rule, subject) WHERE closed_at IS NULL",
    # events come in nearly the order of their times; costs the writer next to nothing
    "CREATE INDEX thread_events_at_idx ON chain.thread_events USING brin (at)",
)


def upgrade() -> None:
    """One alert at most is open for a rule and a subject."""
    for statement in UP:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(sa.text("DROP INDEX chain.thread_events_at_idx"))
    op.execute(sa.text("DROP TABLE chain.alerts"))
