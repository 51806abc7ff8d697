"""Space sessions remember the API key that opened them, so that revoking it ends them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "app_0111"
down_revision = "app_0110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sessions whose key is not known end: they last an hour at most anyhow."""
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Forget the keys."""
    op.execute(sa.text("ALTER TABLE app.space_sessions DROP COLUMN api_key_id"))


STATEMENTS = (
    "DELETE FROM app.space_sessions WHERE auth_session_id IS NULL",
    """
    ALTER TABLE app.space_sessions
        ADD COLUMN api_key_id uuid REFERENCES app.api_keys (id) ON DELETE CASCADE
    """,
)
