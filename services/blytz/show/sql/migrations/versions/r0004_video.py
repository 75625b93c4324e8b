"""Whether the host of a show is in its video, why a show is paused, and the events of the video server."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # SQLite adds a constraint only together with its column.
    _add_checked("host_state", "TEXT NOT NULL DEFAULT 'absent'", "host_state IN ('absent','live','away')")
    op.add_column("shows", sa.Column("host_since", sa.BigInteger))
    op.add_column("shows", sa.Column("host_pause_at", sa.BigInteger))
    _add_checked("pause_reason", "TEXT", "pause_reason IN ('seller','host_away')")
    op.execute("UPDATE shows SET pause_reason = 'seller' WHERE status = 'paused'")
    _index_where("ix_shows_host_pause_at", "shows", "host_pause_at", "host_pause_at IS NOT NULL")
    op.create_table(
        "video_events",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("participant", sa.Text, nullable=False, comment="identity in the room"),
        sa.Column("track", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("is_new", sa.SmallInteger, nullable=False, comment="1: its show was not looked at since"),
        sa.PrimaryKeyConstraint("event_id", name="pk_video_events"),
        sa.CheckConstraint("change IN ('camera_on','camera_off','left')", name="ck_video_events_change"),
    )
    op.create_index("ix_video_events_received_at", "video_events", ["received_at"])
    _index_where("ix_video_events_new", "video_events", "received_at", "is_new = 1")


def _add_checked(column: str, kind: str, condition: str) -> None:
    op.execute(f"ALTER TABLE shows ADD COLUMN {column} {kind} CONSTRAINT ck_shows_{column} CHECK ({condition})")


def _index_where(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("video_events")
    op.drop_index("ix_shows_host_pause_at", "shows")
    for column in ("pause_reason", "host_pause_at", "host_since", "host_state"):
        op.drop_column("shows", column)
