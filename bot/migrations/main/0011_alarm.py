"""A case says since when nobody has it, so that the alarm begins again when a claim lapses or it gets graver."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("alarm_since_at", bot.models.Moment(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("cases", "alarm_since_at")
