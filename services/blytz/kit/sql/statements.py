"""Statements that SQLAlchemy has for each database separately."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_if_absent(table: Table, *, is_sqlite: bool) -> postgresql.Insert | sqlite.Insert:
    """Its `rowcount` is 0, and nothing is changed, where a row with the same unique values is there already."""
    insert = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    return insert.on_conflict_do_nothing()
