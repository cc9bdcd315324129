"""Uploaded files of places while they are looked at, and pairs of places that are two."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "distinct_places",
        sa.Column("first_id", sa.String(length=120), nullable=False),
        sa.Column("second_id", sa.String(length=120), nullable=False),
        sa.Column("said_by", sa.String(length=80), nullable=False),
        sa.Column("said_at", bot.models.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_distinct_places")),
    )
    op.create_table(
        "directory_upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("staff_name", sa.String(length=20), nullable=False),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reading", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Integer(), nullable=False),
        sa.Column("alive_db", sa.Double(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("read_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_directory_upload_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_upload")),
    )
    op.create_index(op.f("ix_directory_upload_at"), "directory_upload", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_directory_upload_at"), table_name="directory_upload")
    op.drop_table("directory_upload")
    op.drop_table("distinct_places")
