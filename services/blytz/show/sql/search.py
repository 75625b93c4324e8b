"""Which shows have all words of a search, in themselves or in one of their lots."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    column,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from blytz.show.sql.tables import LOTS, SHOWS

MAX_MATCHES: Final = 500
"""Shows, and lots, that one search looks at: the newest."""


def matching_shows(
    words: Sequence[str], conditions: Sequence[ColumnElement[bool]], *, is_sqlite: bool
) -> CompoundSelect[Any]:
    """The `id` of those that fulfil the conditions, which come before the cut: what a reader may not see takes no
    place of what they may. Every word is a whole word but the last, which may be the beginning of one. `words` are
    those of `show/words.py`, which have no character with a meaning in a query."""
    matches = _on_sqlite if is_sqlite else _on_postgresql
    shows, lots = matches(SHOWS, words), matches(LOTS, words)
    own = select(SHOWS.c.id).join(shows, shows.c.id == SHOWS.c.id).where(*conditions)
    of_lots = (
        select(SHOWS.c.id)
        .select_from(lots.join(LOTS, LOTS.c.id == lots.c.id).join(SHOWS, SHOWS.c.show_id == LOTS.c.show_id))
        .where(LOTS.c.position >= 0, *conditions)
    )
    newest_own = own.order_by(shows.c.id.desc()).limit(MAX_MATCHES).subquery("shows_found")
    newest_of_lots = of_lots.order_by(lots.c.id.desc()).limit(MAX_MATCHES).subquery("lots_found")
    return select(newest_own.c.id).union(select(newest_of_lots.c.id))


def _on_sqlite(of: Table, words: Sequence[str]) -> FromClause:
    index = table(f"{of.name}_words", column("rowid"))
    query = " AND ".join(f'"{word}"' for word in words) + "*"
    return (
        select(index.c.rowid.label("id"))
        .where(literal_column(index.name).op("MATCH")(bindparam("words", query, unique=True)))
        .order_by(index.c.rowid.desc())
        .subquery(f"{of.name}_matches")
    )


def _on_postgresql(of: Table, words: Sequence[str]) -> FromClause:
    query = " & ".join(f"'{word}'" for word in words) + ":*"
    # Without this barrier PostgreSQL would go through the newest rows one by one, in the hope of enough matches.
    return (
        select(of.c.id)
        .where(literal_column(f"{of.name}.words_vector").op("@@")(cast(literal(query, Text), TSQUERY)))
        .cte(f"{of.name}_matches")
        .prefix_with("MATERIALIZED")
    )
