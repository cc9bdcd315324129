"""Who is named in a colleague's note, and whether she has seen it."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mention",
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", bot.models.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("note_id", "staff_id"),
    )
    op.create_index("ix_mention_staff_id", "mention", ["staff_id"])


def downgrade() -> None:
    op.drop_table("mention")
