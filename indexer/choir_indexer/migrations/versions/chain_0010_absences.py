"""Addresses that were asked for in vain, as of slots that may yet be dropped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "chain_0010"
down_revision = "chain_0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE chain.absences (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        slot numeric(20) NOT NULL,
        pubkeys bytea[] NOT NULL
    )
    """,
    """
    CREATE TABLE chain.program_absences (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        program bytea NOT NULL,
        slot numeric(20) NOT NULL,
        pubkeys bytea[] NOT NULL
    )
    """,
    "CREATE INDEX program_absences_idx ON chain.program_absences (program, slot)",
)


def upgrade() -> None:
    """One row for each answer of a commit."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Drop what :func:`upgrade` made."""
    op.execute(sa.text("DROP TABLE chain.absences, chain.program_absences"))
