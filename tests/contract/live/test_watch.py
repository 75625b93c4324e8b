"""Watching: a snapshot or a replay first, then every event."""

from typing import Any

import pytest

from blytz.auction.redis.store import RedisStore
from tests.contract.live.conftest import Auctions, Connect, StartGateway
from tests.support.auctions import ANNA, BEN, CAUSE, bid

TEN_MINUTES_MS = 600_000
CURRENT = "the epoch of the topic"


async def grow(store: RedisStore, auction_id: str, seq: int) -> None:
    """Anna and Ben bid in turn until the last event has this number."""
    auction = await store.get(auction_id)
    assert auction is not None
    bids = [bid((BEN, ANNA)[n % 2], 1_000_000 + n * 10_000) for n in range(auction.seq, seq)]
    for placed in [store.place_bid(auction_id, one, CAUSE) for one in bids]:
        assert (await placed).seq <= seq


async def epoch_of(connect: Connect, auction_id: str) -> str:
    return str((await (await connect()).watch(auction_id))["epoch"])


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages]


async def test_watch_is_answered_with_one_snapshot_and_then_events(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    auction_id, client = await auction(), await connect()
    snapshot = await client.watch(auction_id, ref="w")
    assert (snapshot["type"], snapshot["topic"], snapshot["ref"]) == ("snapshot", f"auction:{auction_id}", "w")
    assert snapshot["seq"] == 1
    state = snapshot["state"]
    assert (state["auction_id"], state["seq"], state["status"], state["minimum"]) == (auction_id, 1, "open", 100)
    assert "reserve_price" not in state["terms"]
    assert state["server_at"] > state["opened_at"] - 1_000
    await grow(store, auction_id, 2)
    event = await client.receive("event")
    assert (event["topic"], event["seq"], event["kind"]) == (f"auction:{auction_id}", 2, "bid")
    assert event["leader"] == {"id": ANNA.id, "name": ANNA.name}
    assert "ref" not in event


async def test_no_snapshot_or_event_contains_a_hidden_ceiling_or_reserve(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    # Digits that cannot occur in a timestamp by chance.
    auction_id, client = await auction(reserve_price=987_654_321), await connect()
    assert "987654321" not in str(await client.watch(auction_id))
    await store.place_bid(auction_id, bid(ANNA, 123_454_321, "max", "secret"), CAUSE)
    event = await client.receive("event")
    assert "123454321" not in str(event)
    assert "secret" not in str(event)
    assert event["reserve_met"] is False


async def test_a_returning_client_gets_the_events_it_missed_and_none_twice(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    auction_id, client = await auction(), await connect()
    epoch = await epoch_of(connect, auction_id)
    await grow(store, auction_id, 6)
    replay = await client.watch(auction_id, after=3, epoch=epoch, ref="again")
    assert (replay["type"], replay["seq"], replay["epoch"], replay["ref"]) == ("replay", 6, epoch, "again")
    assert seqs(replay["events"]) == [4, 5, 6]
    await grow(store, auction_id, 8)
    assert (await client.receive("event"))["seq"] == 7
    assert (await client.receive("event"))["seq"] == 8


async def test_a_client_that_missed_nothing_gets_an_empty_replay(connect: Connect, auction: Auctions) -> None:
    auction_id, client = await auction(), await connect()
    replay = await client.watch(auction_id, after=1, epoch=await epoch_of(connect, auction_id))
    assert (replay["type"], replay["seq"], replay["events"]) == ("replay", 1, [])


async def test_a_replay_after_zero_starts_at_the_first_event(connect: Connect, auction: Auctions) -> None:
    auction_id, client = await auction(), await connect()
    replay = await client.watch(auction_id, after=0, epoch=await epoch_of(connect, auction_id))
    assert [event["kind"] for event in replay["events"]] == ["opened"]


async def test_five_hundred_missing_events_are_replayed_and_one_more_is_a_snapshot(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    auction_id, client = await auction(duration_ms=TEN_MINUTES_MS), await connect()
    await grow(store, auction_id, 600)
    epoch = await epoch_of(connect, auction_id)
    whole = await client.watch(auction_id, after=100, epoch=epoch)
    assert (whole["type"], seqs(whole["events"])) == ("replay", list(range(101, 601)))
    too_many = await client.watch(auction_id, after=99, epoch=epoch)
    assert (too_many["type"], too_many["seq"], too_many["state"]["seq"]) == ("snapshot", 600, 600)
    # The same when the topic has been subscribed for a while and its first events have left the memory.
    await grow(store, auction_id, 601)
    assert (await client.receive("event"))["seq"] == 601
    assert len((await client.watch(auction_id, after=101, epoch=epoch))["events"]) == 500
    assert (await client.watch(auction_id, after=100, epoch=epoch))["type"] == "snapshot"


async def test_a_replay_that_does_not_fit_into_the_send_queue_is_a_snapshot(
    connect: Connect, start_gateway: StartGateway, auction: Auctions, store: RedisStore
) -> None:
    """The replay would end the connection with 4408, and again at each attempt."""
    gateway = start_gateway(send_queue_bytes=65_536)
    auction_id, client = await auction(duration_ms=TEN_MINUTES_MS), await connect(to=gateway)
    epoch = (await client.watch(auction_id))["epoch"]
    client.send({"type": "unwatch", "topic": f"auction:{auction_id}"})
    await client.drain()
    await grow(store, auction_id, 400)
    assert (await client.watch(auction_id, after=1, epoch=epoch))["type"] == "snapshot"
    assert len((await client.watch(auction_id, after=390, epoch=epoch))["events"]) == 10


@pytest.mark.parametrize(
    "asked",
    [
        {"after": 2, "epoch": "another"},
        {"after": 2, "epoch": ""},
        {"after": 2},
        {"epoch": CURRENT},
        {"after": 4, "epoch": CURRENT},
        {"after": 10**30, "epoch": CURRENT},
        {"after": -1, "epoch": CURRENT},
        {"after": None, "epoch": None},
    ],
    ids=str,
)
async def test_a_position_outside_the_history_is_answered_with_a_snapshot(
    asked: dict[str, Any], connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    auction_id, client, other = await auction(), await connect(), await connect()
    await grow(store, auction_id, 3)
    epoch = (await other.watch(auction_id))["epoch"]
    asked = {name: epoch if value is CURRENT else value for name, value in asked.items()}
    for one in (await connect(), client):
        answer = await one.watch(auction_id, **asked)
        assert (answer["type"], answer["seq"], answer["state"]["seq"]) == ("snapshot", 3, 3)
    await grow(store, auction_id, 4)
    assert (await client.receive("event"))["seq"] == 4
    assert (await other.receive("event"))["seq"] == 4


async def test_after_unwatch_no_event_is_received(connect: Connect, auction: Auctions, store: RedisStore) -> None:
    auction_id, client, other = await auction(), await connect(), await connect()
    epoch = (await client.watch(auction_id))["epoch"]
    await other.watch(auction_id)
    client.send({"type": "unwatch", "topic": f"auction:{auction_id}"})
    await client.drain()
    await grow(store, auction_id, 2)
    assert (await other.receive("event"))["seq"] == 2
    assert [received["type"] for received in await client.drain()] == []
    client.send({"type": "unwatch", "topic": f"auction:{auction_id}"}, {"type": "unwatch", "topic": "auction:no"})
    assert await client.drain() == []
    assert (await client.watch(auction_id, after=1, epoch=epoch))["events"][0]["seq"] == 2


async def test_a_topic_without_watchers_for_a_while_is_complete_when_watched_again(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    auction_id, client = await auction(), await connect()
    for seq in range(2, 12):
        await client.watch(auction_id)
        client.send({"type": "unwatch", "topic": f"auction:{auction_id}"})
        watched = client.watch(auction_id)
        await grow(store, auction_id, seq)
        snapshot = await watched
        if snapshot["seq"] < seq:
            assert (await client.receive("event"))["seq"] == seq
        client.send({"type": "unwatch", "topic": f"auction:{auction_id}"})
    assert await client.drain() == []


async def test_several_topics_share_a_connection_and_do_not_mix(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    first, second, client = await auction(), await auction(), await connect()
    await client.watch(first)
    await client.watch(second)
    for number in range(2, 7):
        await grow(store, second, number)
        await grow(store, first, number)
    events_received: dict[str, list[int]] = {f"auction:{first}": [], f"auction:{second}": []}
    while sum(map(len, events_received.values())) < 10:
        event = await client.receive("event")
        events_received[event["topic"]].append(event["seq"])
    assert list(events_received.values()) == [[2, 3, 4, 5, 6]] * 2


async def test_watching_an_unknown_auction_is_an_error_and_subscribes_to_nothing(connect: Connect) -> None:
    client = await connect()
    for _ in range(3):
        error = await client.ask({"type": "watch", "topic": "auction:auc_nowhere", "ref": "w"}, "error")
        assert (error["code"], error["ref"]) == ("auction_not_found", "w")


@pytest.mark.parametrize(
    "topic",
    ["", "auction:", "auction", "shows:shw_1", "auction:a b", "auction:" + "a" * 65, 'auction:"}\n', "auction:é"],
)
async def test_an_invalid_topic_is_malformed(topic: str, connect: Connect) -> None:
    client = await connect()
    error = await client.ask({"type": "watch", "topic": topic, "ref": "w"}, "error")
    assert (error["code"], error["ref"]) == ("invalid_request", "w")


async def test_watching_an_unreadable_auction_is_an_error_until_it_is_repaired(
    connect: Connect, auction: Auctions, store: RedisStore
) -> None:
    auction_id, client = await auction(), await connect()
    key = f"auction:{{{auction_id}}}"
    await store._pipe.call("HSET", key, "seq", "many")
    error = await client.ask({"type": "watch", "topic": f"auction:{auction_id}", "ref": "w"}, "error")
    assert (error["code"], error["ref"]) == ("corrupt_auction", "w")
    await store._pipe.call("HSET", key, "seq", "1")
    assert (await client.watch(auction_id))["seq"] == 1


async def test_the_messages_of_a_batch_are_handled_in_order(connect: Connect, auction: Auctions) -> None:
    auction_id, client = await auction(), await connect()
    topic = f"auction:{auction_id}"
    await client.watch(auction_id)
    client.send_text(
        b'[{"type":"ping","ref":"1"},{"type":"watch","topic":"%s","ref":"2"},{"type":"ping","ref":"3"}]'
        % topic.encode()
    )
    assert [(await client.next())["ref"] for _ in range(3)] == ["1", "2", "3"]
    client.send_text(b"[]")
    assert await client.drain() == []
