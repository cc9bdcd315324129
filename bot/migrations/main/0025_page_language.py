"""In which language somebody reads the console."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("page_language", sa.String(length=5), server_default="ja", nullable=False))


def downgrade() -> None:
    op.drop_column("staff", "page_language")
