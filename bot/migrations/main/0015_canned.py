"""Sentences that staff send often, by language, private or shared, with their versions."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canned_reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "canned_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reply_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["reply_id"], ["canned_reply.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_canned_version_reply_id", "canned_version", ["reply_id"])


def downgrade() -> None:
    op.drop_table("canned_version")
    op.drop_table("canned_reply")
