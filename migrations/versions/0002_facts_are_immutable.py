"""Facts are immutable: the database itself refuses to change or delete them"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FACTS = ("revision", "withdrawal", "decision", "audit")


def upgrade() -> None:
    op.execute("INSERT INTO clock_mark (id, last) VALUES (1, '1970-01-01 00:00:00.000000')")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is a record of facts: rows are never changed', TG_TABLE_NAME; END $$"
        )
    for table in FACTS:
        for deed in ("UPDATE", "DELETE"):
            op.execute(_trigger(table, deed))
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
            )


def _trigger(table: str, deed: str) -> str:
    head = f"CREATE TRIGGER {table}_refuses_{deed.lower()} BEFORE {deed} ON {table}"
    if op.get_bind().dialect.name == "postgresql":
        return f"{head} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    return f"{head} BEGIN SELECT RAISE(ABORT, '{table} is a record of facts: rows are never changed'); END"


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in FACTS:
        for deed in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_refuses_{deed}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        for table in FACTS:
            op.execute(f"DROP TRIGGER {table}_refuses_truncate ON {table}")
        op.execute("DROP FUNCTION refuse_change()")
    op.execute("DELETE FROM clock_mark")
