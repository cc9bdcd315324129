"""Campaigns know their moment, languages, own greetings and end; scans are counted by day and language."""

import sqlalchemy as sa
from alembic import op

import bot.models

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    old = sa.table(
        "campaign",
        *(sa.column(n) for n in ("token", "language", "scans")),
        sa.column("created_at", bot.models.Moment()),
    )
    rows = op.get_bind().execute(sa.select(old.c.token, old.c.language, old.c.scans, old.c.created_at)).all()
    with op.batch_alter_table("campaign") as table:
        table.add_column(sa.Column("moment", sa.String(length=20), nullable=False, server_default="home_visit"))
        table.add_column(sa.Column("languages", sa.JSON(), nullable=False, server_default='["ja"]'))
        table.add_column(sa.Column("greetings", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("ended_at", bot.models.Moment(timezone=True), nullable=True))
        for name in ("channel", "language", "scans"):
            table.drop_column(name)
    with op.batch_alter_table("campaign") as table:
        for name in ("moment", "languages", "greetings"):
            table.alter_column(name, server_default=None)
    scan = op.create_table(
        "campaign_scan",
        sa.Column("token", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("scans", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["token"], ["campaign.token"], name=op.f("fk_campaign_scan_token_campaign")),
        sa.PrimaryKeyConstraint("token", "day", "language", name=op.f("pk_campaign_scan")),
    )
    new = sa.table("campaign", sa.column("token"), sa.column("languages", sa.JSON()))
    for token, language, scans, created_at in rows:
        op.execute(sa.update(new).where(new.c.token == token).values(languages=[language]))
        if scans:  # what was counted so far has no day of its own: it counts on the day when the campaign was made
            op.bulk_insert(scan, [{"token": token, "day": created_at.date(), "language": language, "scans": scans}])


def downgrade() -> None:
    op.drop_table("campaign_scan")
    with op.batch_alter_table("campaign") as table:
        table.add_column(sa.Column("channel", sa.String(length=40), nullable=False, server_default=""))
        table.add_column(sa.Column("language", sa.String(length=10), nullable=False, server_default="ja"))
        table.add_column(sa.Column("scans", sa.Integer(), nullable=False, server_default="0"))
        for name in ("ended_at", "greetings", "languages", "moment"):
            table.drop_column(name)
