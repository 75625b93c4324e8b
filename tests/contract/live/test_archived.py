"""Watching an auction that has left Redis for the archive."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blytz.auction.redis.keys import keys_of
from blytz.auction.sql.store import MIGRATIONS
from blytz.kit.ids import new_id
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from tests.support.closing import Closing
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer


@pytest.fixture
async def closing(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Closing]:
    database = Database("auction", "", tmp_path)
    await migrate(database, MIGRATIONS)
    async with connected(redis.url, no_timeout=True) as pipe:
        yield Closing(redis, pipe, database)
    await database.close()


@pytest.fixture
async def client(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Client]:
    with GatewayProcess(redis.url, data=tmp_path) as gateway:
        async with welcomed(gateway.port) as client:
            yield client
        assert not gateway.faults()


async def archived(closing: Closing, auction_id: str) -> None:
    await closing.archiver(keep_ms=-1_000).step()
    assert not closing.redis.ask("EXISTS", keys_of(auction_id).state)


@pytest.mark.parametrize("auction_id", ["auc_1", "auc_01j8atq6xptjyda5rq82v5p47f"])
async def test_an_archived_auction_is_watched_as_it_ended(
    auction_id: str, closing: Closing, client: Client
) -> None:
    await closing.closed(auction_id)
    in_redis = await client.watch(auction_id)
    assert in_redis["state"]["status"] == "sold"
    await archived(closing, auction_id)

    # More than there is makes the gateway read it again, for a reader who is subscribed already.
    again = await client.watch(auction_id, after=99, epoch=in_redis["epoch"])
    in_redis["state"].pop("server_at")
    again["state"].pop("server_at")
    assert again == in_redis

    caught_up = await client.watch(auction_id, after=again["seq"], epoch=again["epoch"])
    assert (caught_up["type"], caught_up["events"]) == ("replay", [])
    behind = await client.watch(auction_id, after=1, epoch=again["epoch"])
    assert behind["type"] == "snapshot"


async def test_while_the_archive_is_away_the_gateway_says_so_and_goes_on(
    redis: RedisServer, client: Client, tmp_path: Path
) -> None:
    unknown = {"type": "watch", "topic": "auction:auc_nowhere", "ref": "w"}
    file = tmp_path / "auction.sqlite"
    file.write_text("no database" * 100)
    error = await client.ask(unknown, "error")
    assert (error["code"], error["ref"]) == ("store_unavailable", "w")
    just_made = unknown | {"topic": f"auction:{new_id('auc')}"}
    assert (await client.ask(just_made, "error"))["code"] == "auction_not_found"

    async with connected(redis.url) as pipe:
        other = Closing(redis, pipe, Database("other", "", tmp_path))
        assert (await client.watch(await other.open("auc_2")))["state"]["status"] == "open"
        await other.archive._database.close()
    file.unlink()
    assert (await client.ask(unknown, "error"))["code"] == "auction_not_found"
