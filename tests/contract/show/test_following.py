"""What `FollowingStore` promises, on SQLite and on PostgreSQL."""

import asyncio

import pytest
from sqlalchemy import insert

from blytz.auction.model import Party
from blytz.kit.sql.database import Database
from blytz.show.following.model import MAX_FOLLOWED, FollowedSeller
from blytz.show.following.sql.store import SqlFollowing
from blytz.show.following.sql.tables import FOLLOWING
from blytz.show.model import ShowStatus
from blytz.show.sql.store import SqlCatalogue
from tests.support.shows import show


@pytest.fixture
def following(catalogue: SqlCatalogue, database: Database) -> SqlFollowing:
    return SqlFollowing(database)


async def test_what_is_followed_comes_in_pages_the_newest_first(
    following: SqlFollowing, catalogue: SqlCatalogue
) -> None:
    for name in ("Old", "New"):
        await catalogue.create_show(show(f"shw_{name}", seller=Party("usr_sam", name)))
    assert await following.follow("usr_ann", "show", "shw_Old")
    assert await following.follow("usr_ann", "seller", "usr_sam")
    assert await following.follow("usr_ann", "show", "shw_New")
    assert await following.follow("usr_ann", "seller", "usr_x")
    await following.follow("usr_ben", "seller", "usr_ben")

    first = await following.following("usr_ann", None, 3)
    last = await following.following("usr_ann", first.cursor, 3)

    assert first.sellers == [FollowedSeller("usr_x", None), FollowedSeller("usr_sam", "New")]
    assert [one.show_id for one in first.shows] == ["shw_New"]
    assert ([one.show_id for one in last.shows], last.sellers, last.cursor) == (["shw_Old"], [], None)


async def test_following_twice_is_following_once_and_can_be_ended(following: SqlFollowing) -> None:
    await asyncio.gather(*(following.follow("usr_ann", "seller", "usr_sam") for _ in range(3)))
    assert len((await following.following("usr_ann", None, 100)).sellers) == 1

    for _ in range(2):
        await following.unfollow("usr_ann", "seller", "usr_sam")
    assert (await following.following("usr_ann", None, 100)).sellers == []


async def test_a_show_that_is_hidden_again_is_left_out(following: SqlFollowing, catalogue: SqlCatalogue) -> None:
    await catalogue.create_show(show("shw_1", visibility="rehearsal"))
    await catalogue.create_show(show("shw_2", status=ShowStatus.DRAFT, scheduled_at=None))
    await catalogue.create_show(show("shw_3", visibility="unlisted"))
    for number in (1, 2, 3):
        await following.follow("usr_ann", "show", f"shw_{number}")

    assert [one.show_id for one in (await following.following("usr_ann", None, 100)).shows] == ["shw_3"]


async def test_a_user_follows_a_bounded_number(following: SqlFollowing, database: Database) -> None:
    async with database.writing() as connection:
        rows = [{"user_id": "usr_ann", "kind": "show", "followed_id": f"shw_{n}"} for n in range(MAX_FOLLOWED)]
        await connection.execute(insert(FOLLOWING), rows)

    assert not await following.follow("usr_ann", "seller", "usr_sam")
    assert await following.follow("usr_ann", "show", "shw_0")
    assert await following.follow("usr_ben", "show", "shw_0")
