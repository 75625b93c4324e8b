"""The chat rules of sellers in SQL."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select, update

from blytz.kit.sql.database import Database
from blytz.kit.sql.statements import insert_if_absent
from blytz.show.acts import Act
from blytz.show.chat.rules import ChatRules
from blytz.show.model import ShowStatus
from blytz.show.running.decision import Decision, Notice
from blytz.show.sql.acts import record_act
from blytz.show.sql.rows import json_text, show_of_row
from blytz.show.sql.tables import CHAT_RULES, SHOWS
from blytz.show.sql.writing import chat_rules_of, write

MAX_SHOWS: Final = 1_000
"""Of a seller at a time."""
_ON: Final = (ShowStatus.LIVE, ShowStatus.PAUSED)


class SqlChatRules:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def chat_rules(self, seller_id: str) -> ChatRules:
        async with self._database.reading() as connection:
            return await chat_rules_of(connection, seller_id)

    async def set_chat_rules(self, seller_id: str, rules: ChatRules, act: Act) -> Sequence[str]:
        values = {"words": json_text(rules.words), "links": rules.links, "on_match": rules.on_match}
        # Locked with those to come, so that none starts with the rules before.
        shows = (
            select(SHOWS)
            .where(SHOWS.c.seller_id == seller_id, SHOWS.c.status.in_((ShowStatus.SCHEDULED, *_ON)))
            .order_by(SHOWS.c.id)
            .limit(MAX_SHOWS)
            .with_for_update()
        )
        async with self._database.writing() as connection:
            if await chat_rules_of(connection, seller_id) == rules:
                return []
            absent = insert_if_absent(CHAT_RULES, is_sqlite=self._database.is_sqlite)
            await connection.execute(absent.values(seller_id=seller_id, **values))
            await connection.execute(update(CHAT_RULES).where(CHAT_RULES.c.seller_id == seller_id).values(values))
            await record_act(connection, act)
            told = []
            for row in (await connection.execute(shows)).all():
                show = show_of_row(row)
                if show.status in _ON:
                    changed = Decision(show, notices=[Notice("show_changed", chat_rules=rules)])
                    await write(connection, show, changed, act.at)
                    told.append(show.show_id)
        return told
