"""Staff's own words over what sources say, who changed what, and what people know of a place."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("resource") as table:
        table.add_column(sa.Column("edits", sa.JSON(), server_default="{}", nullable=False))
        table.add_column(sa.Column("verified_at", bot.models.Moment(timezone=True), nullable=True))
        table.add_column(sa.Column("verified_by", sa.String(length=80), server_default="", nullable=False))
        table.add_column(sa.Column("merged_into", sa.String(length=120), nullable=True))
        table.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "resource_change",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("resource_id", sa.String(length=120), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("actor_name", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_change")),
    )
    op.create_index(op.f("ix_resource_change_resource_id"), "resource_change", ["resource_id"])
    op.create_table(
        "living_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.String(length=120), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.String(length=80), nullable=False),
        sa.Column("written_at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("consent", sa.String(length=200), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("removed_at", bot.models.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_living_note")),
    )
    op.create_index(op.f("ix_living_note_resource_id"), "living_note", ["resource_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_living_note_resource_id"), table_name="living_note")
    op.drop_table("living_note")
    op.drop_index(op.f("ix_resource_change_resource_id"), table_name="resource_change")
    op.drop_table("resource_change")
    with op.batch_alter_table("resource") as table:
        for name in ("version", "merged_into", "verified_by", "verified_at", "edits"):
            table.drop_column(name)
