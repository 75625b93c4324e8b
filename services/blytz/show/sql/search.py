"""Which shows have all words of a search, in themselves or in one of their lots."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
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


def matching_shows(words: Sequence[str], *, is_sqlite: bool) -> CompoundSelect[Any]:
    """Their `id`. Every word is a whole word but the last, which may be the beginning of one. `words` are those of
    `show/words.py`, which have no character with a meaning in a query."""
    newest = _newest_on_sqlite if is_sqlite else _newest_on_postgresql
    shows = newest(SHOWS, words).subquery("shows_found")
    lots = newest(LOTS, words).subquery("lots_found")
    of_lots = select(SHOWS.c.id).join(lots, lots.c.show_id == SHOWS.c.show_id).where(lots.c.position >= 0)
    return select(shows.c.id).union(of_lots)


def _newest_on_sqlite(of: Table, words: Sequence[str]) -> Select[Any]:
    index = table(f"{of.name}_words", column("rowid"))
    query = " AND ".join(f'"{word}"' for word in words) + "*"
    found = (
        select(index.c.rowid)
        .where(literal_column(index.name).op("MATCH")(bindparam("words", query, unique=True)))
        .order_by(index.c.rowid.desc())
        .limit(MAX_MATCHES)
    )
    return select(*_shown(of)).where(of.c.id.in_(found))


def _newest_on_postgresql(of: Table, words: Sequence[str]) -> Select[Any]:
    query = " & ".join(f"'{word}'" for word in words) + ":*"
    # Without this barrier PostgreSQL would go through the newest rows one by one, in the hope of enough matches.
    found = (
        select(*_shown(of))
        .where(literal_column(f"{of.name}.words_vector").op("@@")(cast(literal(query, Text), TSQUERY)))
        .cte(f"{of.name}_matches")
        .prefix_with("MATERIALIZED")
    )
    return select(*found.c).order_by(found.c.id.desc()).limit(MAX_MATCHES)


def _shown(of: Table) -> list[ColumnElement[Any]]:
    return [of.c.id] if of is SHOWS else [of.c.id, of.c.show_id, of.c.position]
