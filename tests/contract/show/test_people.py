"""What `PeopleStore` promises, on SQLite and on PostgreSQL."""

import asyncio
from typing import Final

import pytest

from blytz.identity import Principal
from blytz.kit.problems import StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.show.acts import Verb
from blytz.show.model import ShowCode, ShowStatus
from blytz.show.people.model import MAX_MODERATORS, Block, Moderator
from blytz.show.people.service import PeopleService
from blytz.show.people.sql.store import SqlPeople
from blytz.show.service import ShowService
from blytz.show.sql.acts import SqlAuditTrail
from blytz.show.sql.run_store import SqlRuns
from blytz.show.sql.store import SqlCatalogue
from tests.support.shows import SELLER, act, show

MO: Final = Moderator("usr_mo", "Mo", 1_000)


async def recorded(database: Database, show_id: str = "shw_1") -> list[str]:
    return [one.verb for one in (await SqlAuditTrail(database).acts(show_id, SELLER.id, None, 100)).acts]


async def test_a_moderator_has_the_role_in_this_show_until_it_is_over(
    people: SqlPeople, catalogue: SqlCatalogue
) -> None:
    over = show("shw_over", status=ShowStatus.ENDED, ended_at=1)
    await catalogue.create_show(over)

    assert await people.name_moderator("shw_1", MO, act(Verb.MODERATOR_NAMED)) == MO

    assert await people.is_moderator("shw_1", "usr_mo")
    assert not await people.is_moderator("shw_1", "usr_other")
    assert not await people.is_moderator("shw_2", "usr_mo")
    assert await people.name_moderator("shw_over", MO, act()) is ShowCode.SHOW_OVER
    assert await people.name_moderator("shw_9", MO, act()) is ShowCode.SHOW_NOT_FOUND
    await people.remove_moderator("shw_1", "usr_mo", act(Verb.MODERATOR_REMOVED))
    assert not await people.is_moderator("shw_1", "usr_mo")


async def test_a_moderator_who_is_named_again_gets_the_new_name(people: SqlPeople) -> None:
    await people.name_moderator("shw_1", MO, act())
    other = Moderator("usr_lee", "Lee", 1_500)
    await people.name_moderator("shw_1", other, act())

    renamed = await people.name_moderator("shw_1", Moderator("usr_mo", "Maureen", 2_000), act())

    assert renamed == Moderator("usr_mo", "Maureen", 1_000)
    assert await people.moderators("shw_1") == [renamed, other]


async def test_a_show_has_a_bounded_number_of_moderators(people: SqlPeople) -> None:
    for number in range(MAX_MODERATORS):
        await people.name_moderator("shw_1", Moderator(f"usr_{number}", "Mo", 1), act())

    assert await people.name_moderator("shw_1", MO, act()) is ShowCode.TOO_MANY
    assert isinstance(await people.name_moderator("shw_1", Moderator("usr_0", "Again", 1), act()), Moderator)


async def test_a_bidder_is_approved_for_one_show(people: SqlPeople) -> None:
    for _ in range(2):
        assert await people.approve("shw_1", "usr_ann", act(Verb.BIDDER_APPROVED)) is None

    assert await people.approved("shw_1") == ["usr_ann"]
    assert await people.is_approved("shw_1", "usr_ann")
    assert await people.approve("shw_9", "usr_ann", act()) is ShowCode.SHOW_NOT_FOUND
    await people.withdraw_approval("shw_1", "usr_ann", act(Verb.APPROVAL_WITHDRAWN))
    assert await people.approved("shw_1") == []
    assert not await people.is_approved("shw_1", "usr_ann")


async def test_a_block_holds_for_one_seller_until_it_is_lifted(people: SqlPeople) -> None:
    first = await people.block("usr_sam", Block("usr_ann", 1_000), act(Verb.USER_BLOCKED, show_id=None))
    again = await people.block("usr_sam", Block("usr_ann", 2_000), act(Verb.USER_BLOCKED, show_id=None))

    assert first == again == Block("usr_ann", 1_000)
    assert await people.is_blocked("usr_sam", "usr_ann")
    assert not await people.is_blocked("usr_other", "usr_ann")
    assert await people.blocked("usr_sam") == ["usr_ann"]
    await people.unblock("usr_sam", "usr_ann", act(Verb.USER_UNBLOCKED, show_id=None))
    assert await people.blocked("usr_sam") == []


async def test_blocks_come_in_pages_the_newest_first(people: SqlPeople) -> None:
    for number in range(3):
        await people.block("usr_sam", Block(f"usr_{number}", number), act(show_id=None))
    await people.block("usr_other", Block("usr_9", 9), act(show_id=None))

    first = await people.blocks("usr_sam", None, 2)
    last = await people.blocks("usr_sam", first.cursor, 2)

    assert [one.user_id for one in first.blocks + last.blocks] == ["usr_2", "usr_1", "usr_0"]
    assert last.cursor is None


async def test_people_added_at_once_are_each_added_once(people: SqlPeople, database: Database) -> None:
    await asyncio.gather(
        *(people.name_moderator("shw_1", MO, act(Verb.MODERATOR_NAMED)) for _ in range(3)),
        *(people.approve("shw_1", "usr_ann", act(Verb.BIDDER_APPROVED)) for _ in range(3)),
        *(people.block("usr_sam", Block("usr_ann", 1), act(Verb.USER_BLOCKED, show_id=None)) for _ in range(3)),
    )

    assert sorted(await recorded(database)) == ["bidder_approved", "moderator_named", "user_blocked"]


async def test_a_change_is_recorded_and_its_repetition_is_not(people: SqlPeople, database: Database) -> None:
    for _ in range(2):
        await people.block("usr_sam", Block("usr_ann", 1), act(Verb.USER_BLOCKED, show_id=None))
    for _ in range(2):
        await people.unblock("usr_sam", "usr_ann", act(Verb.USER_UNBLOCKED, show_id=None))
        await people.remove_moderator("shw_1", "usr_mo", act(Verb.MODERATOR_REMOVED))

    assert await recorded(database) == ["user_unblocked", "user_blocked"]


async def test_a_decision_that_could_not_be_told_is_told_when_it_is_repeated(
    people: SqlPeople, catalogue: SqlCatalogue
) -> None:
    told: list[tuple[str, str, bool]] = []

    async def tell(subject_id: str, user_id: str, holds: bool) -> None:
        told.append((subject_id, user_id, holds))
        if len(told) == 1:
            raise StoreUnavailable

    shows = ShowService(catalogue, people, lambda: 1_000)
    service = PeopleService(people, shows, lambda: 1_000, on_block=tell, on_approval=tell)
    sam = Principal("usr_sam", "Sam", ("seller",), 0)

    with pytest.raises(StoreUnavailable):
        await service.block(sam, "usr_ann")
    await service.block(sam, "usr_ann")
    await service.unblock(sam, "usr_ann")
    await service.set_approval(sam, "shw_1", "usr_ann", approved=True)

    blocked = ("usr_sam", "usr_ann", True)
    assert told == [blocked, blocked, ("usr_sam", "usr_ann", False), ("shw_1", "usr_ann", True)]


async def test_those_who_watch_are_told_who_moderates_from_now_on(
    people: SqlPeople, catalogue: SqlCatalogue, database: Database
) -> None:
    runs = SqlRuns(database, lambda: 1_000)
    for _ in range(2):
        await people.name_moderator("shw_1", MO, act())
    await people.name_moderator("shw_1", Moderator("usr_lee", "Lee", 1_500), act())
    snapshot = await runs.snapshot("shw_1")
    for _ in range(2):
        await people.remove_moderator("shw_1", "usr_mo", act())

    told = [intent.announcement for intent in await runs.intents("shw_1")]

    mo, lee = {"id": "usr_mo", "name": "Mo"}, {"id": "usr_lee", "name": "Lee"}
    assert [one and (one.change, one.kind, one.public["moderators"]) for one in told] == [
        (1, "show_changed", [mo]),
        (2, "show_changed", [mo, lee]),
        (3, "show_changed", [lee]),
    ]
    assert snapshot is not None
    assert (snapshot.change, snapshot.moderators) == (2, [mo, lee])
