"""Which shows have all words of a search, in themselves or in one of their lots."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
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

_PLACE: Final = (SHOWS.c.id, SHOWS.c.listed_rank, SHOWS.c.listed_at)
MAX_MATCHES: Final = 500
"""Shows, and lots, that one search looks at: the newest."""


def matching_shows(
    words: Sequence[str], conditions: Sequence[ColumnElement[bool]], *, is_sqlite: bool
) -> CompoundSelect[Any]:
    """The `id` and the place in lists of those that fulfil the conditions, which come before the cut: what a
    reader may not see takes no place of what they may. Every word is a whole word but the last, which may be the
    beginning of one. `words` are those of `show/words.py`, which have no character with a meaning in a query."""
    shows, lots = (_on_sqlite if is_sqlite else _on_postgresql)(words)
    own = select(*_PLACE).join(shows, shows.c.id == SHOWS.c.id).where(*conditions)
    of_lots = (
        select(*_PLACE)
        .select_from(lots.join(SHOWS, SHOWS.c.show_id == lots.c.show_id))
        .where(lots.c.position >= 0, *conditions)
    )
    newest_own = own.order_by(shows.c.id.desc()).limit(MAX_MATCHES).subquery("shows_found")
    newest_of_lots = of_lots.order_by(lots.c.id.desc()).limit(MAX_MATCHES).subquery("lots_found")
    return select(newest_own).union(select(newest_of_lots))


def _on_sqlite(words: Sequence[str]) -> tuple[FromClause, FromClause]:
    """Shows, and lots, that have the words."""
    query = " AND ".join(f'"{word}"' for word in words) + "*"

    def matches(of: Table) -> FromClause:
        index = table(f"{of.name}_words", column("rowid"))
        return (
            select(index.c.rowid.label("id"))
            .where(literal_column(index.name).op("MATCH")(bindparam("words", query, unique=True)))
            .order_by(index.c.rowid.desc())
            .subquery(f"{of.name}_matches")
        )

    lots = matches(LOTS)
    known = select(lots.c.id, LOTS.c.show_id, LOTS.c.position).join(LOTS, LOTS.c.id == lots.c.id)
    return matches(SHOWS), known.subquery("lots_known")


def _on_postgresql(words: Sequence[str]) -> tuple[FromClause, FromClause]:
    query = " & ".join(f"'{word}'" for word in words) + ":*"

    def matches(of: Table, *columns: Column[Any]) -> FromClause:
        # Without the barrier that an offset is, PostgreSQL would go through the newest rows of the table one by
        # one, in the hope of enough matches. The order lets it stop at the last show that is wanted.
        return (
            select(of.c.id, *columns)
            .where(literal_column(f"{of.name}.words_vector").op("@@")(cast(literal(query, Text), TSQUERY)))
            .order_by(of.c.id.desc())
            .offset(0)
            .subquery(f"{of.name}_matches")
        )

    return matches(SHOWS), matches(LOTS, LOTS.c.show_id, LOTS.c.position)
