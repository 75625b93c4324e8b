"""Who follows a show is subscribed to the auction of each lot from its opening to its closing event."""

from typing import Any

import pytest

from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from blytz.show.events.log import Announced
from blytz.show.redis.log import RedisShowLog
from tests.contract.live.conftest import Auctions, Connect, Shows, StartGateway
from tests.support.auctions import ANNA, CAUSE, bid
from tests.support.live_client import Client
from tests.support.redis import RedisServer
from tests.support.show_json import closed, opened
from tests.support.wait import until


async def until_watched(redis: RedisServer, auction_id: str, *, by_somebody: bool = True) -> None:
    """Gateways report their viewers each second."""
    viewers = keys_of(auction_id).viewers
    await until(lambda: redis.ask("EXISTS", viewers) == by_somebody, f"by somebody: {by_somebody}", 15)


async def follow(client: Client, show_id: str) -> dict[str, Any]:
    return await client.watch_topic(f"show:{show_id}", follow=True)


async def test_a_follower_has_each_auction_from_its_opening_to_its_closing_event(
    connect: Connect,
    show: Shows,
    auction: Auctions,
    log: RedisShowLog,
    store: RedisStore,
    shared_redis: RedisServer,
) -> None:
    show_id, first, second, client = await show(), await auction(), await auction(), await connect()
    await log.announce(show_id, opened(1, 1, first))
    assert (await follow(client, show_id))["seq"] == 1
    assert (await client.next())["topic"] == f"auction:{first}"
    await log.announce(show_id, opened(2, 2, second))
    snapshot = await client.receive("snapshot")
    assert (snapshot["topic"], snapshot["seq"]) == (f"auction:{second}", 1)
    for auction_id in (first, second):
        await store.place_bid(auction_id, bid(ANNA, 100), CAUSE)
        assert (await client.receive("event", topic=f"auction:{auction_id}"))["kind"] == "bid"
        await until_watched(shared_redis, auction_id)

    # The show says that the lot is closed before the auction has closed.
    assert await log.announce(show_id, closed(3, 1, first)) == Announced.DONE
    await client.receive("event", topic=f"show:{show_id}", seq=3)
    await store.close(first, CAUSE, force=True)
    assert (await client.receive("event", topic=f"auction:{first}"))["kind"] == "sold"
    await until_watched(shared_redis, first, by_somebody=False)

    # And the other way round.
    await store.close(second, CAUSE, force=True)
    assert (await client.receive("event", topic=f"auction:{second}"))["kind"] == "sold"
    await log.announce(show_id, closed(4, 2, second))
    await until_watched(shared_redis, second, by_somebody=False)


async def test_a_lot_that_is_open_for_a_moment_is_not_missed(
    connect: Connect, show: Shows, auction: Auctions, log: RedisShowLog, store: RedisStore
) -> None:
    show_id, auction_id, client = await show(), await auction(buy_now_price=900), await connect()
    await follow(client, show_id)
    await store.place_bid(auction_id, bid(ANNA, 900, "buy_now"), CAUSE)
    for announcement in (opened(1, 1, auction_id), closed(2, 1, auction_id)):
        await log.announce(show_id, announcement)
    snapshot = await client.receive("snapshot", topic=f"auction:{auction_id}")
    assert snapshot["state"]["status"] == "sold"


@pytest.mark.parametrize("how", ["unwatch", "watch without follow"])
async def test_who_no_longer_follows_keeps_only_what_it_watches_itself(
    how: str, connect: Connect, show: Shows, auction: Auctions, log: RedisShowLog, store: RedisStore
) -> None:
    show_id, watched, followed, client = await show(), await auction(), await auction(), await connect()
    await client.watch(watched)
    await follow(client, show_id)
    await log.announce(show_id, opened(1, 1, watched))
    await log.announce(show_id, opened(2, 2, followed))
    await client.receive("snapshot", topic=f"auction:{followed}")
    if how == "unwatch":
        client.send({"type": "unwatch", "topic": f"show:{show_id}"})
    else:
        await client.watch_topic(f"show:{show_id}")
    await client.drain()
    for auction_id in (followed, watched):
        await store.place_bid(auction_id, bid(ANNA, 100), CAUSE)
    event = await client.receive("event")
    assert (event["topic"], event["kind"]) == (f"auction:{watched}", "bid")
    assert [message for message in await client.drain() if message.get("topic") == f"auction:{followed}"] == []


async def test_an_auction_that_is_unwatched_stays_while_its_show_is_followed(
    connect: Connect, show: Shows, auction: Auctions, log: RedisShowLog, store: RedisStore
) -> None:
    show_id, auction_id, client = await show(), await auction(), await connect()
    await log.announce(show_id, opened(1, 1, auction_id))
    await follow(client, show_id)
    await client.receive("snapshot", topic=f"auction:{auction_id}")
    await client.watch(auction_id)
    client.send({"type": "unwatch", "topic": f"auction:{auction_id}"})
    await client.drain()
    await store.place_bid(auction_id, bid(ANNA, 100), CAUSE)
    assert (await client.receive("event"))["topic"] == f"auction:{auction_id}"


async def test_followed_auctions_do_not_count_as_watched_topics(
    connect: Connect, start_gateway: StartGateway, show: Shows, auction: Auctions, log: RedisShowLog
) -> None:
    show_id, auctions = await show(lots=3), [await auction() for _ in range(3)]
    client = await connect(to=start_gateway(most_topics=1))
    for number, auction_id in enumerate(auctions, 1):
        await log.announce(show_id, opened(number, number, auction_id))
    await follow(client, show_id)
    found = {(await client.receive("snapshot"))["topic"] for _ in auctions}
    assert found == {f"auction:{auction_id}" for auction_id in auctions}
    error = await client.ask({"type": "watch", "topic": f"auction:{auctions[0]}", "ref": "w"}, "error")
    assert error["code"] == "rate_limited"


async def test_every_one_of_many_followers_gets_the_snapshot_and_the_closing_event(
    connect: Connect, show: Shows, auction: Auctions, log: RedisShowLog, store: RedisStore
) -> None:
    """More than are handled in one slice."""
    show_id, auction_id = await show(), await auction()
    clients = [await connect() for _ in range(150)]
    for client in clients:
        await follow(client, show_id)
    await log.announce(show_id, opened(1, 1, auction_id))
    await store.close(auction_id, CAUSE, force=True)
    await log.announce(show_id, closed(2, 1, auction_id))
    for client in clients:
        snapshot = await client.receive("snapshot", topic=f"auction:{auction_id}")
        if snapshot["state"]["status"] == "open":
            assert (await client.receive("event", topic=f"auction:{auction_id}"))["kind"] == "unsold"
