"""A second person reads along in an emergency; who has a talk open is seen by colleagues."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("second_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("second_wanted_at", bot.models.Moment(timezone=True), nullable=True))
    op.create_table(
        "watching",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("seen_db", sa.Double(), nullable=False),
        sa.Column("typing", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("case_id", "staff_id"),
    )


def downgrade() -> None:
    op.drop_table("watching")
    op.drop_column("cases", "second_wanted_at")
    op.drop_column("cases", "second_id")
