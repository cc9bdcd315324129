"""The wrapped keys: a file of their own on SQLite, the schema `keys` on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("kek_version", sa.Integer(), nullable=False),
        sa.Column("created_at", bot.models.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_key"),
        schema="keys",
    )


def downgrade() -> None:
    op.drop_table("key", schema="keys")
