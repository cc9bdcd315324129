"""Staff choose whether their pages are light or dark."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("look", sa.String(length=10), server_default="system", nullable=False))


def downgrade() -> None:
    op.drop_column("staff", "look")
