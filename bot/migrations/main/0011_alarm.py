"""A case says since when nobody has it (a lapsed claim begins the alarm again); staff may choose a silent alarm."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("alarm_sounds", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("cases", sa.Column("alarm_since_at", bot.models.Moment(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("staff", "alarm_sounds")
    op.drop_column("cases", "alarm_since_at")
