"""An index for the search by words, which serves when there are no vectors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0210"
down_revision = "app_0201"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index the words of each text's beginning: a whole one may have more than a tsvector holds."""
    op.execute(
        sa.text(
            "CREATE INDEX contents_words_idx ON app.contents "
            "USING gin (to_tsvector('english', left(text, 50000)))"
        )
    )


def downgrade() -> None:
    """Drop it."""
    op.execute(sa.text("DROP INDEX app.contents_words_idx"))
