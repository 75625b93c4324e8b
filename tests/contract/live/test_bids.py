"""Bids over WebSocket: each gets exactly one answer."""

import asyncio
from typing import Any

import pytest

from blytz.auction.model import Standing
from blytz.auction.redis.store import RedisStore
from tests.contract.live.conftest import Auctions, Connect
from tests.support.auctions import ANNA, BEN, CAUSE, bid
from tests.support.live import GatewayProcess
from tests.support.live_client import Client

OUT_OF_BOUNDS = ["0", "-1", "-0", "1000000000001", "9007199254740992", "18446744073709551617", "-1" + "0" * 400]
NO_INTEGERS = ["1e3", "1.0", "100.5", '"5"', '"100"', "true", "null", "[100]", "{}"]
NO_JSON = ["", "NaN", "Infinity", "-Infinity", "0x64", "+100", "0100", "1_000"]


def bid_message(auction_id: str, amount: Any, bid_id: str = "b1", **more: Any) -> dict[str, Any]:
    return {"type": "bid", "auction_id": auction_id, "bid_id": bid_id, "amount": amount, **more}


@pytest.fixture
async def anna(connect: Connect, gateway: GatewayProcess) -> Client:
    return await connect(gateway.token("Anna"))


async def test_a_bid_that_leads_is_accepted(anna: Client, auction: Auctions) -> None:
    auction_id = await auction()
    result = await anna.ask(bid_message(auction_id, 100, ref="r"), "bid_result")
    ends_at = result.pop("ends_at")
    assert ends_at > 0
    assert result == {
        "type": "bid_result",
        "bid_id": "b1",
        "outcome": "accepted",
        "code": None,
        "seq": 2,
        "price": 100,
        "minimum": 200,
        "replayed": False,
        "ref": "r",
    }


async def test_a_bid_below_a_hidden_maximum_is_outbid(anna: Client, auction: Auctions, store: RedisStore) -> None:
    auction_id = await auction()
    await store.place_bid(auction_id, bid(BEN, 1_000, "max"), CAUSE)
    result = await anna.ask(bid_message(auction_id, 500), "bid_result")
    assert (result["outcome"], result["code"], result["price"], result["minimum"]) == ("outbid", None, 600, 700)
    assert "ref" not in result


async def test_maximum_bids_and_buy_now_bids_are_accepted(anna: Client, auction: Auctions) -> None:
    auction_id = await auction(buy_now_price=9_000)
    led = await anna.ask(bid_message(auction_id, 800, "m", kind="max"), "bid_result")
    assert (led["outcome"], led["price"]) == ("accepted", 100)
    bought = await anna.ask(bid_message(auction_id, 9_000, "n", kind="buy_now"), "bid_result")
    assert (bought["outcome"], bought["price"]) == ("accepted", 9_000)
    late = await anna.ask(bid_message(auction_id, 10_000, "late"), "bid_result")
    assert (late["outcome"], late["code"]) == ("refused", "auction_not_open")


async def test_each_refusal_has_its_own_code(
    anna: Client, connect: Connect, gateway: GatewayProcess, auction: Auctions, store: RedisStore
) -> None:
    auction_id = await auction()

    async def code_of(**fields: Any) -> str:
        result = await anna.ask(bid_message(**fields), "bid_result", bid_id=fields["bid_id"])
        assert result["outcome"] == "refused"
        assert "code" in result
        return str(result["code"])

    assert await code_of(auction_id="auc_nowhere", amount=100, bid_id="r1") == "auction_not_found"
    assert await code_of(auction_id="{auc}:*\n", amount=100, bid_id="r2") == "auction_not_found"
    assert await code_of(auction_id=auction_id, amount=99, bid_id="r3") == "bid_too_low"
    assert await code_of(auction_id=auction_id, amount=500, bid_id="r4", kind="buy_now") == "buy_now_unavailable"
    await anna.ask(bid_message(auction_id, 100, "ok"), "bid_result", outcome="accepted")
    assert await code_of(auction_id=auction_id, amount=300, bid_id="r5") == "already_leading"
    assert await code_of(auction_id=auction_id, amount=101, bid_id="ok") == "bid_id_reused"
    assert await code_of(auction_id=auction_id, amount=100, bid_id="ok", kind="max") == "bid_id_reused"
    anna_id = gateway.issuer.verify(gateway.token("Anna")).id
    await store.set_standing(auction_id, [anna_id], Standing.BLOCKED)
    assert await code_of(auction_id=auction_id, amount=900, bid_id="r6") == "bidder_blocked"
    await store.change(auction_id, "pause", CAUSE)
    assert await code_of(auction_id=auction_id, amount=900, bid_id="r7") == "auction_not_open"


async def test_a_refusal_states_the_price_and_minimum_it_was_decided_by(
    anna: Client, auction: Auctions, store: RedisStore
) -> None:
    auction_id = await auction()
    await store.place_bid(auction_id, bid(BEN, 300), CAUSE)
    result = await anna.ask(bid_message(auction_id, 399), "bid_result")
    assert (result["code"], result["seq"], result["price"], result["minimum"]) == ("bid_too_low", 2, 300, 400)
    assert result["ends_at"] > 0


async def test_a_refusal_for_an_unknown_auction_has_no_price(anna: Client) -> None:
    for auction_id in ("auc_01m848gzxjrwdx1kexyhtn7fhc", "auc_nowhere", "no auction at all"):
        result = await anna.ask(bid_message(auction_id, 399), "bid_result")
        assert result["code"] == "auction_not_found"
        assert [result[field] for field in ("seq", "price", "minimum", "ends_at")] == [None] * 4


async def test_a_bid_after_the_end_is_refused_before_the_hammer(anna: Client, auction: Auctions) -> None:
    # No hammer runs here, so the auction stays open.
    auction_id = await auction(duration_ms=1_000, ending="sudden_death")
    ends_at = (await anna.watch(auction_id))["state"]["ends_at"]
    left_ms = 1
    while left_ms > 0:
        left_ms = ends_at + 1 - (await anna.ask({"type": "ping"}, "pong"))["server_at"]
        await asyncio.sleep(max(0, left_ms) / 1000)
    result = await anna.ask(bid_message(auction_id, 100), "bid_result")
    assert (result["outcome"], result["code"]) == ("refused", "auction_ended")


async def test_a_repeated_bid_gets_the_first_answer_again(
    anna: Client, connect: Connect, gateway: GatewayProcess, auction: Auctions, store: RedisStore
) -> None:
    auction_id = await auction()
    first = await anna.ask(bid_message(auction_id, 100, "same"), "bid_result")
    await store.place_bid(auction_id, bid(BEN, 900), CAUSE)
    elsewhere = await connect(gateway.token("Anna"))
    again = await elsewhere.ask(bid_message(auction_id, 100, "same"), "bid_result")
    assert again == {**first, "replayed": True}


async def test_one_bid_sent_many_times_concurrently_is_one_event(
    connect: Connect, gateway: GatewayProcess, auction: Auctions
) -> None:
    auction_id, token = await auction(), gateway.token("Anna")
    clients = [await connect(token) for _ in range(20)]
    for client in clients:
        client.send(bid_message(auction_id, 100, "same"), bid_message(auction_id, 100, "same"))
    results = [await client.receive("bid_result") for client in clients for _ in range(2)]
    assert sorted(result["replayed"] for result in results) == [False] + [True] * 39
    assert {result["seq"] for result in results} == {2}
    assert (await clients[0].watch(auction_id))["seq"] == 2


async def test_a_client_that_is_not_signed_in_cannot_bid(connect: Connect, auction: Auctions) -> None:
    auction_id, client = await auction(), await connect()
    result = await client.ask(bid_message(auction_id, 100, ref="r"), "bid_result")
    assert (result["outcome"], result["code"], result["ref"]) == ("refused", "unauthenticated", "r")
    assert result["price"] is None
    assert (await client.watch(auction_id))["seq"] == 1


async def test_a_seller_cannot_bid_on_their_own_auction(
    connect: Connect, gateway: GatewayProcess, auction: Auctions, store: RedisStore
) -> None:
    auction_id = await auction()
    seller = gateway.issuer.verify(gateway.token("Sam")).id
    await store._pipe.call("HSET", f"auction:{{{auction_id}}}", "seller_id", seller)
    client = await connect(gateway.token("Sam"))
    assert (await client.ask(bid_message(auction_id, 100), "bid_result"))["code"] == "bidder_is_seller"


@pytest.mark.parametrize("amount", [1, 10**12 - 1, 10**12])
async def test_every_whole_amount_up_to_the_maximum_is_accepted(
    amount: int, anna: Client, auction: Auctions
) -> None:
    auction_id = await auction(start_price=1, buy_now_price=None)
    result = await anna.ask(bid_message(auction_id, amount), "bid_result")
    assert (result["outcome"], result["price"]) == ("accepted", amount)


@pytest.mark.parametrize("amount", [*OUT_OF_BOUNDS, *NO_INTEGERS, *NO_JSON])
async def test_an_invalid_amount_is_malformed_and_the_connection_stays_open(
    amount: str, anna: Client, auction: Auctions
) -> None:
    auction_id = await auction()
    text = f'{{"type":"bid","ref":"r","auction_id":"{auction_id}","bid_id":"b","amount":{amount}}}'
    anna.send_text(text.encode())
    assert (await anna.receive("error"))["code"] == "invalid_request"
    assert (await anna.watch(auction_id))["seq"] == 1


@pytest.mark.parametrize("bid_id", ["", "a" * 65, "a b", "é", "a:b", "a/b", "a\n"])
async def test_a_bid_id_of_other_characters_is_malformed(bid_id: str, anna: Client) -> None:
    error = await anna.ask(bid_message("auc_1", 100, bid_id, ref="r"), "error")
    assert (error["code"], error["ref"]) == ("invalid_request", "r")


async def test_a_bid_id_of_maximum_length_is_accepted(anna: Client, auction: Auctions) -> None:
    bid_id = "aZ9_-" + "x" * 59
    assert (await anna.ask(bid_message(await auction(), 100, bid_id), "bid_result"))["bid_id"] == bid_id


async def test_bids_of_one_batch_are_decided_in_their_order(anna: Client, auction: Auctions) -> None:
    auction_id = await auction()
    topic = {"type": "watch", "topic": f"auction:{auction_id}"}
    batch = [
        topic,
        *(bid_message(auction_id, amount, f"b{amount}", kind="max") for amount in (200, 300, 250, 400)),
    ]
    anna.send(batch)  # type: ignore[arg-type]
    results = [await anna.receive("bid_result") for _ in range(4)]
    assert [(result["bid_id"], result["code"]) for result in results] == [
        ("b200", None),
        ("b300", None),
        ("b250", "already_leading"),
        ("b400", None),
    ]


async def test_a_bidder_who_watches_receives_both_the_result_and_the_event(
    anna: Client, auction: Auctions
) -> None:
    auction_id = await auction()
    await anna.watch(auction_id)
    anna.send(bid_message(auction_id, 100))
    events_received = {(message := await anna.next())["type"]: message for _ in range(2)}
    assert events_received["bid_result"]["seq"] == events_received["event"]["seq"] == 2
    assert events_received["event"]["bidder"]["name"] == ANNA.name
