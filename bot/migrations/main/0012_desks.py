"""A case says why it lies at its desk and whom it waits for; staff belong to desks, are on duty, keep promises."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("desk_why", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("cases", sa.Column("last_holder_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("meant_for_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("meant_why", sa.String(length=10), server_default="", nullable=False))
    op.add_column("cases", sa.Column("answer_by_at", bot.models.Moment(timezone=True), nullable=True))
    op.create_index("ix_audit_case_id", "audit", ["case_id"])  # who has read it, whom the desk called
    op.create_table(
        "desk_state",
        sa.Column("desk_id", sa.String(length=40), nullable=False),
        sa.Column("with_children_until", bot.models.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("desk_id"),
    )
    for name in ("desks", "languages", "skills"):
        op.add_column("staff", sa.Column(name, sa.JSON(), server_default="[]", nullable=False))
    op.add_column("staff", sa.Column("capacity", sa.Integer(), server_default="0", nullable=False))
    op.add_column("staff", sa.Column("alarm_to_sealed", sa.LargeBinary(), nullable=True))
    op.create_table(
        "duty",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("desk_id", sa.String(length=40), nullable=False),
        sa.Column("since_at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("until_at", bot.models.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_duty_until_at", "duty", ["until_at"])
    op.create_table(
        "promise",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("due_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("kept_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("kept_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_promise_case_id", "promise", ["case_id"])
    op.create_index("ix_promise_kept_at", "promise", ["kept_at"])
    op.create_table(
        "shift_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_shift_note_at", "shift_note", ["at"])


def downgrade() -> None:
    op.drop_index("ix_audit_case_id", "audit")
    for name in ("shift_note", "promise", "duty", "desk_state"):
        op.drop_table(name)
    for name in ("alarm_to_sealed", "capacity", "skills", "languages", "desks"):
        op.drop_column("staff", name)
    for name in ("answer_by_at", "meant_why", "meant_for_id", "last_holder_id", "desk_why"):
        op.drop_column("cases", name)
