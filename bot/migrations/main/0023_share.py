"""Short texts about a family for one agency, consented and for a set time; offers to help on their way to staff."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("consented_on", sa.Date(), nullable=False),
        sa.Column("consent_how", sa.String(length=10), nullable=False),
        sa.Column("made_at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("expires_at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("link_hash", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("visit_hash", sa.String(length=64), nullable=False),
        sa.Column("visit_seen_db", sa.Double(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("blocked_until_db", sa.Double(), nullable=False),
        sa.Column("opened_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("answered_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("ended_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("ended_why", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        sa.ForeignKeyConstraint(["agreed_by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_share_case_id", "share", ["case_id"])
    op.create_index("ix_share_expires_at", "share", ["expires_at"])
    op.create_index("ix_share_link_hash", "share", ["link_hash"])
    op.create_table(
        "helper_offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("helper_offer")
    op.drop_table("share")
