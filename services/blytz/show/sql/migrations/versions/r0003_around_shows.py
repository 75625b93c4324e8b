"""What stands around shows: audit trail, moderators, approvals, blocks, images, templates, following, reports."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("show_id", sa.Text, comment="empty: all shows of the seller"),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by_id", sa.Text, nullable=False),
        sa.Column("by_name", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("on_id", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_acts"),
        sa.CheckConstraint("length(detail) <= 200", name="ck_acts_detail"),
    )
    op.create_index("ix_acts_show", "acts", ["show_id", "id"])
    op.create_index("ix_acts_seller", "acts", ["seller_id", "show_id", "id"])
    _append_only()
    op.create_table(
        "moderators",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("named_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderators"),
        sa.UniqueConstraint("show_id", "user_id", name="uq_moderators_show_id_user_id"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_moderators_show_id"),
    )
    op.create_table(
        "approvals",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.UniqueConstraint("show_id", "user_id", name="uq_approvals_show_id_user_id"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_approvals_show_id"),
    )
    op.create_table(
        "blocks",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("blocked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_blocks"),
        sa.UniqueConstraint("seller_id", "user_id", name="uq_blocks_seller_id_user_id"),
    )
    op.create_index("ix_blocks_newest", "blocks", ["seller_id", "id"])
    op.create_table(
        "images",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("image_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, comment="SHA-256 of the upload"),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
        sa.UniqueConstraint("image_id", name="uq_images_image_id"),
        sa.UniqueConstraint("seller_id", "hash", name="uq_images_seller_id_hash"),
        sa.CheckConstraint("width >= 1 AND height >= 1 AND bytes >= 1", name="ck_images_size"),
    )
    op.create_table(
        "terms_templates",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("template_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False, comment="JSON, with the hidden reserve"),
        sa.PrimaryKeyConstraint("id", name="pk_terms_templates"),
        sa.UniqueConstraint("template_id", name="uq_terms_templates_template_id"),
        sa.UniqueConstraint("seller_id", "name", name="uq_terms_templates_seller_id_name"),
    )
    op.create_table(
        "following",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("followed_id", sa.Text, nullable=False, comment="of a seller or of a show"),
        sa.PrimaryKeyConstraint("id", name="pk_following"),
        sa.UniqueConstraint("user_id", "kind", "followed_id", name="uq_following_user_id_kind_followed_id"),
        sa.CheckConstraint("kind IN ('seller','show')", name="ck_following_kind"),
    )
    op.create_index("ix_following_newest", "following", ["user_id", "id"])
    op.create_table(
        "reports",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("by_id", sa.Text, nullable=False),
        sa.Column("by_name", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("lot_id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("handled_at", sa.BigInteger),
        sa.Column("handled_by_id", sa.Text),
        sa.Column("handled_by_name", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("report_id", name="uq_reports_report_id"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_reports_show_id"),
        sa.CheckConstraint("reason IN ('spam','abuse','fraud','illegal','other')", name="ck_reports_reason"),
        sa.CheckConstraint(
            "(handled_at IS NULL) = (handled_by_id IS NULL) AND (handled_at IS NULL) = (handled_by_name IS NULL)",
            name="ck_reports_handled",
        ),
    )
    op.create_index("ix_reports_newest", "reports", ["show_id", "id"])
    op.create_index("ix_reports_user", "reports", ["show_id", "by_id"])


def _append_only() -> None:
    """Whoever writes to the database, a service or a person: an act that is on record stays as it is."""
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER acts_no_{change.lower()} BEFORE {change} ON acts"
                " BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION acts_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'the audit trail is only added to' USING ERRCODE = 'integrity_constraint_violation';"
        " END $$"
    )
    op.execute(
        "CREATE TRIGGER acts_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON acts"
        " FOR EACH STATEMENT EXECUTE FUNCTION acts_are_kept()"
    )


def downgrade() -> None:
    for table in ("reports", "following", "terms_templates", "images"):
        op.drop_table(table)
    for table in ("blocks", "approvals", "moderators", "acts"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION acts_are_kept()")
