"""Contents know whether the chain has their hash, so that the others can be counted and dropped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0201"
down_revision = "app_0200"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there already is looked at by the first collection."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Forget it."""
    op.execute(sa.text("ALTER TABLE app.contents DROP COLUMN landed"))


STATEMENTS = (
    "ALTER TABLE app.contents ADD COLUMN landed boolean NOT NULL DEFAULT false",
    """
    CREATE INDEX contents_unlanded_author_idx ON app.contents (author) WHERE NOT landed
    """,
    """
    CREATE INDEX contents_unlanded_idx ON app.contents (created_at) WHERE NOT landed
    """,
)
