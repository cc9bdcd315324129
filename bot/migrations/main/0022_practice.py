"""A debriefing belongs to an emergency that somebody had; practising before the first duty is noted, without marks."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("emergency_held_at", bot.models.Moment(timezone=True), nullable=True))
    op.create_index("ix_cases_emergency_held_at", "cases", ["emergency_held_at"])
    op.create_table(
        "debriefing",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "practised",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("family", sa.String(length=40), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_practised_staff_id", "practised", ["staff_id"])


def downgrade() -> None:
    op.drop_table("practised")
    op.drop_table("debriefing")
    op.drop_index("ix_cases_emergency_held_at", "cases")
    op.drop_column("cases", "emergency_held_at")
