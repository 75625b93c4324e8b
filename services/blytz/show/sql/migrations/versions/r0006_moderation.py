"""What sellers let be said in the chats of their shows; the messages that a report is about."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "chat_rules",
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False, comment="JSON"),
        sa.Column("links", sa.Text, nullable=False),
        sa.Column("on_match", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seller_id", name="pk_chat_rules"),
        sa.CheckConstraint("links IN ('text','allowed')", name="ck_chat_rules_links"),
        sa.CheckConstraint("on_match IN ('refuse','mask')", name="ck_chat_rules_on_match"),
    )
    op.add_column("reports", sa.Column("messages", sa.Text, comment="JSON"))


def downgrade() -> None:
    op.drop_column("reports", "messages")
    op.drop_table("chat_rules")
