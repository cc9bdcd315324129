"""The Japanese that a service made of a resident's message."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "translation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("engine", sa.String(length=20), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_db", sa.Double(), nullable=True),
        sa.Column("at", bot.models.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["resident_id"], ["resident.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_translation_case_id", "translation", ["case_id"])
    op.create_index("ix_translation_resident_id", "translation", ["resident_id"])
    due = sa.text("state = 'wanted'")
    op.create_index("ix_translation_due", "translation", ["next_db"], sqlite_where=due, postgresql_where=due)


def downgrade() -> None:
    op.drop_table("translation")
