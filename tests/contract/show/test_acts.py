"""What `AuditTrail` promises, on SQLite and on PostgreSQL: an act is on record exactly when it was done."""

from typing import Any

import pytest
from sqlalchemy import insert

from blytz.kit.sql.database import Database
from blytz.show.acts import Verb
from blytz.show.model import LotStatus
from blytz.show.sql.acts import SqlAuditTrail, record_act
from blytz.show.sql.rows import row_of_show
from blytz.show.sql.store import SqlCatalogue
from blytz.show.sql.tables import SHOWS
from tests.support.shows import SELLER, act, lot, show


async def read(database: Database, cursor: str | None = None, limit: int = 100) -> Any:
    return await SqlAuditTrail(database).acts("shw_1", SELLER.id, cursor, limit)


async def test_an_act_is_read_as_it_was_recorded(catalogue: SqlCatalogue, database: Database) -> None:
    recorded = act(Verb.LOT_CHANGED, on="lot_1", detail="title, terms")

    await SqlAuditTrail(database).record(recorded)

    assert (await read(database)).acts == [recorded]


async def test_acts_come_in_pages_with_those_for_all_shows_of_the_seller(
    catalogue: SqlCatalogue, database: Database
) -> None:
    trail = SqlAuditTrail(database)
    for at, show_id in enumerate(["shw_1", None, "shw_2", "shw_1", None]):
        await trail.record(act(at=at, show_id=show_id))
    await trail.record(act(at=9, show_id=None, seller_id="usr_other"))

    first = await read(database, limit=3)
    last = await read(database, first.cursor, limit=3)

    assert [one.at for one in first.acts] == [4, 3, 1]
    assert ([one.at for one in last.acts], last.cursor) == ([0], None)


async def test_every_change_of_the_catalogue_records_its_act_once(
    catalogue: SqlCatalogue, database: Database
) -> None:
    for _ in range(2):
        await catalogue.create_show(show(), act(Verb.SHOW_CREATED))
        await catalogue.add_lot(lot(1), act(Verb.LOT_ADDED))
        await catalogue.change_show("shw_1", {"title": "Glass"}, None, act(Verb.SHOW_CHANGED))
        await catalogue.change_lot("lot_1_1", {"title": "Vase"}, act(Verb.LOT_CHANGED))
    await catalogue.order_queue("shw_1", ["lot_1_1"], act(Verb.QUEUE_ORDERED))
    await catalogue.order_queue("shw_1", ["lot_1_9"], act(Verb.QUEUE_ORDERED))
    await catalogue.change_show("shw_1", {"title": "Clay"}, 1, act(Verb.SHOW_CHANGED))
    for _ in range(2):
        await catalogue.change_lot("lot_1_1", {"status": LotStatus.WITHDRAWN}, act(Verb.LOT_REMOVED))

    assert [one.verb for one in reversed((await read(database)).acts)] == [
        "show_created",
        "lot_added",
        "show_changed",
        "lot_changed",
        "queue_ordered",
        "lot_removed",
    ]


async def test_what_is_rolled_back_is_not_on_record(catalogue: SqlCatalogue, database: Database) -> None:
    async def fail() -> None:
        async with database.writing() as connection:
            await connection.execute(insert(SHOWS).values(row_of_show(show())))
            await record_act(connection, act(Verb.SHOW_CREATED))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert (await read(database)).acts == []
