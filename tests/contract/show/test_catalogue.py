"""What `CatalogueStore` promises, on SQLite and on PostgreSQL."""

import asyncio

import pytest
from msgspec.structs import replace

from blytz.show.model import (
    MAX_LOTS,
    BidderRequirements,
    Lot,
    LotCounts,
    LotFacts,
    LotStatus,
    ShowCode,
    ShowSettings,
    ShowStatus,
)
from blytz.show.sql.search import MAX_MATCHES
from blytz.show.sql.store import SqlCatalogue
from blytz.show.store import ShowFilter
from blytz.show.words import words_of
from tests.support.shows import lot, show

EVERYTHING = ShowFilter(only_public=False)


async def ids(catalogue: SqlCatalogue, wanted: ShowFilter = EVERYTHING) -> list[str]:
    return [found.show_id for found in (await catalogue.shows(wanted, None, 100)).shows]


async def queue(catalogue: SqlCatalogue, show_id: str = "shw_1") -> list[str]:
    return [found.lot_id for found in await catalogue.lots(show_id)]


async def with_lots(catalogue: SqlCatalogue, count: int) -> list[Lot]:
    await catalogue.create_show(show())
    added = [await catalogue.add_lot(lot(number)) for number in range(1, count + 1)]
    return [found for found in added if isinstance(found, Lot)]


async def test_a_show_is_read_as_it_was_created(catalogue: SqlCatalogue) -> None:
    settings = ShowSettings("parallel", 5_000, 100, None, BidderRequirements(approval=True), "shp_1")
    created = show(tags=("tea", "Émail"), cover="https://images.example/1.jpg", settings=settings, category="pots")

    assert await catalogue.create_show(created) == created
    assert await catalogue.show("shw_1") == created
    assert await catalogue.show("shw_2") is None


async def test_a_show_that_is_created_again_stays_as_it_is(catalogue: SqlCatalogue) -> None:
    first = await catalogue.create_show(show())

    assert await catalogue.create_show(show(title="Another")) == first


async def test_each_change_makes_a_new_version_and_an_old_version_is_refused(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show())

    changed = await catalogue.change_show("shw_1", {"title": "Porcelain"}, seen=1)

    assert changed == replace(show(), title="Porcelain", version=2) == await catalogue.show("shw_1")
    assert await catalogue.change_show("shw_1", {"title": "Glass"}, seen=1) is ShowCode.VERSION_CONFLICT
    assert await catalogue.change_show("shw_9", {}, seen=None) is ShowCode.SHOW_NOT_FOUND
    assert await catalogue.show("shw_1") == changed


async def test_of_many_changes_of_one_version_exactly_one_is_made(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show())

    results = await asyncio.gather(
        *(catalogue.change_show("shw_1", {"title": f"Title {n}"}, seen=1) for n in range(4))
    )

    assert results.count(ShowCode.VERSION_CONFLICT) == 3
    assert (await catalogue.show("shw_1")) in results


async def test_live_shows_are_listed_first_then_the_soonest_then_drafts_then_the_newest_that_ended(
    catalogue: SqlCatalogue,
) -> None:
    drafted, ended = {"status": ShowStatus.DRAFT, "scheduled_at": None}, {"status": ShowStatus.ENDED}
    for made in (
        show("shw_ended_first", ended_at=10, **ended),
        show("shw_late", scheduled_at=2_000),
        show("shw_draft", **drafted),
        show("shw_ended_last", ended_at=20, **ended),
        show("shw_soon", scheduled_at=1_500),
        show("shw_live", status=ShowStatus.LIVE, started_at=5),
    ):
        await catalogue.create_show(made)

    in_order = ["shw_live", "shw_soon", "shw_late", "shw_draft", "shw_ended_last", "shw_ended_first"]
    assert await ids(catalogue) == in_order
    assert await ids(catalogue, ShowFilter()) == [one for one in in_order if one != "shw_draft"]

    pages, cursor = [], None
    for _ in in_order:
        page = await catalogue.shows(EVERYTHING, cursor, 1)
        pages += [found.show_id for found in page.shows]
        cursor = page.cursor
    assert (pages, cursor) == (in_order, None)


async def test_a_list_can_be_filtered(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show("shw_1", category="pots"))
    await catalogue.create_show(show("shw_2", visibility="unlisted"))
    await catalogue.create_show(show("shw_3", status=ShowStatus.LIVE, started_at=1, category="pots"))

    assert await ids(catalogue, ShowFilter(category="pots")) == ["shw_3", "shw_1"]
    assert await ids(catalogue, ShowFilter(status=ShowStatus.SCHEDULED)) == ["shw_1"]
    assert await ids(catalogue, ShowFilter(seller_id="usr_sam", only_public=False)) == ["shw_3", "shw_1", "shw_2"]
    assert await ids(catalogue, ShowFilter(seller_id="usr_other")) == []


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        (("emaille",), ["shw_1"]),
        (("celad",), ["shw_1"]),
        (("celad", "tea"), []),
        (("tea", "celad"), ["shw_1"]),
        (("bowl",), ["shw_2"]),
        (("removed",), []),
        (("unlisted",), []),
    ],
)
async def test_a_search_finds_shows_by_their_words_and_those_of_their_lots(
    catalogue: SqlCatalogue, searched: tuple[str, ...], found: list[str]
) -> None:
    """Whole words without case and accents, the last one also as the beginning of a word."""
    await catalogue.create_show(show("shw_1", title="ÉMAILLE", tags=("tea",), description="a bit of celadon"))
    await catalogue.create_show(show("shw_2", title="Glass"))
    await catalogue.create_show(show("shw_3", title="Unlisted", visibility="unlisted"))
    await catalogue.add_lot(lot(1, "shw_2", title="Bowl"))
    await catalogue.add_lot(lot(2, "shw_2", title="Removed"))
    await catalogue.change_lot("lot_2_2", {"status": LotStatus.WITHDRAWN})

    assert await ids(catalogue, ShowFilter(words=searched)) == found


async def test_what_a_reader_may_not_see_takes_no_place_in_a_search(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show("shw_public", title="Zanzibar"))
    await catalogue.create_show(show("shw_mine", title="Other"))
    await catalogue.add_lot(lot(1, "shw_mine", title="Zanzibar bowl"))
    draft = {"status": ShowStatus.DRAFT, "scheduled_at": None, "title": "Zanzibar"}
    for number in range(MAX_MATCHES + 1):
        await catalogue.create_show(show(f"shw_draft_{number}", **draft))
    for number in range(2, MAX_LOTS + 1):
        await catalogue.add_lot(lot(number, "shw_draft_1", title="Zanzibar"))

    assert set(await ids(catalogue, ShowFilter(words=("zanzibar",)))) == {"shw_public", "shw_mine"}


async def test_a_word_of_any_length_is_found_by_its_beginning(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show("shw_1", description="x" * 5_000))

    assert await ids(catalogue, ShowFilter(words=tuple(words_of("x" * 140)))) == ["shw_1"]


async def test_a_search_follows_a_change_of_the_words(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show(title="Glass"))
    await catalogue.change_show("shw_1", {"title": "Porcelain"}, seen=None)

    assert await ids(catalogue, ShowFilter(words=("porcelain",))) == ["shw_1"]
    assert await ids(catalogue, ShowFilter(words=("glass",))) == []


async def test_lots_are_numbered_and_queued_as_they_are_added(catalogue: SqlCatalogue) -> None:
    added = await with_lots(catalogue, 3)

    assert [found.number for found in added] == [1, 2, 3]
    assert list(await catalogue.lots("shw_1")) == added
    assert await catalogue.lot("lot_1_2") == added[1] == await catalogue.add_lot(lot(2, title="Again"))
    assert await catalogue.lot("lot_1_9") is None
    assert await catalogue.add_lot(lot(1, "shw_9")) is ShowCode.SHOW_NOT_FOUND


async def test_lots_added_at_once_get_numbers_of_their_own(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show())

    added = await asyncio.gather(*(catalogue.add_lot(lot(number)) for number in range(4)))

    assert {found.number for found in added if isinstance(found, Lot)} == {1, 2, 3, 4}


async def test_no_lot_is_added_to_a_show_that_has_ended(catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show(status=ShowStatus.ENDED, ended_at=1))

    assert await catalogue.add_lot(lot(1)) is ShowCode.SHOW_OVER


async def test_only_a_queued_lot_can_be_changed_and_a_removed_one_keeps_its_number(
    catalogue: SqlCatalogue,
) -> None:
    await with_lots(catalogue, 2)

    changed = await catalogue.change_lot("lot_1_1", {"title": "Vase"})
    assert isinstance(changed, Lot)
    assert (changed.title, changed.number) == ("Vase", 1)
    await catalogue.change_lot("lot_1_2", {"status": LotStatus.WITHDRAWN})

    assert await queue(catalogue) == ["lot_1_1"]
    assert await catalogue.change_lot("lot_1_2", {"title": "Vase"}) is ShowCode.LOT_NOT_QUEUED
    assert await catalogue.change_lot("lot_1_9", {}) is ShowCode.LOT_NOT_FOUND
    third = await catalogue.add_lot(lot(3))
    assert isinstance(third, Lot)
    assert third.number == 3


async def test_the_queue_takes_a_new_order_only_with_the_same_lots(catalogue: SqlCatalogue) -> None:
    await with_lots(catalogue, 4)
    await catalogue.change_lot("lot_1_2", {"status": LotStatus.WITHDRAWN})

    assert await catalogue.order_queue("shw_1", ["lot_1_4", "lot_1_1", "lot_1_3"])
    assert await queue(catalogue) == ["lot_1_4", "lot_1_1", "lot_1_3"]
    for others in (["lot_1_4", "lot_1_1"], ["lot_1_4", "lot_1_1", "lot_1_1"], ["lot_1_4", "lot_1_1", "lot_1_2"]):
        assert not await catalogue.order_queue("shw_1", others)
    assert await queue(catalogue) == ["lot_1_4", "lot_1_1", "lot_1_3"]
    assert await catalogue.order_queue("shw_9", [])


async def test_lots_are_counted_by_show_without_those_removed(catalogue: SqlCatalogue) -> None:
    await with_lots(catalogue, 2)
    await catalogue.add_lot(lot(3, status=LotStatus.SOLD, run=1, auction_id="auc_1", price=500))
    await catalogue.change_lot("lot_1_1", {"status": LotStatus.WITHDRAWN})
    await catalogue.create_show(show("shw_2"))

    facts = LotFacts(LotCounts(total=2, sold=1), queued=1)
    assert await catalogue.lot_facts(["shw_1", "shw_2"]) == {"shw_1": facts}
