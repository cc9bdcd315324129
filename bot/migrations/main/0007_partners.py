"""Partner agencies with their contacts, and the people nearby who know a lot about child-rearing."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verified_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("verified_by", sa.String(length=80), nullable=False),
        sa.Column("changed_at", bot.models.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency")),
    )
    op.create_table(
        "agency_contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_agency_contact_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_contact")),
    )
    op.create_index(op.f("ix_agency_contact_agency_id"), "agency_contact", ["agency_id"])
    op.create_table(
        "local_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verified_at", bot.models.Moment(timezone=True), nullable=True),
        sa.Column("verified_by", sa.String(length=80), nullable=False),
        sa.Column("changed_at", bot.models.Moment(timezone=True), nullable=False),
        sa.Column("withdrawn_at", bot.models.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_person")),
    )


def downgrade() -> None:
    op.drop_table("local_person")
    op.drop_index(op.f("ix_agency_contact_agency_id"), table_name="agency_contact")
    op.drop_table("agency_contact")
    op.drop_table("agency")
