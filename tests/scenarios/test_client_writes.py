"""Bids and messages of the reference client, with a gateway that misbehaves on purpose: each is sent until it is
answered, and no answer is taken for another."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from blytz.client.live import LiveClient
from blytz.client.writes import BidResult, SayResult
from tests.support.scripted_gateway import ScriptedGateway, scripted_gateway
from tests.support.watch_scenes import ID
from tests.support.watch_shows import SHOW_ID

ACCEPTED = {"type": "bid_result", "bid_id": "b1", "outcome": "accepted", "code": None, "seq": 4, "price": 500}


@pytest.fixture
async def gateway() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as running:
        yield running


def answer_to(asked: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "ref": asked["ref"]}


def without_ref(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "ref"}


def is_copy(first: dict[str, Any], again: dict[str, Any]) -> bool:
    """The same again, but for a ref of its own."""
    return without_ref(first) == without_ref(again) and first["ref"] != again["ref"]


async def test_a_bid_without_an_answer_is_retried_with_the_same_id(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url, "t") as client:
        bidding = asyncio.create_task(client.place_bid(ID, 500, bid_id="b1"))
        connection = await gateway.next()
        await connection.next()
        first = await connection.next()
        connection.cut()
        connection = await gateway.next()
        assert (await connection.next())["type"] == "auth"
        again = await connection.next()
        connection.send(answer_to(again, {**ACCEPTED, "replayed": True}))
        result = await bidding

    assert is_copy(first, again)
    assert without_ref(first) == {
        "type": "bid", "auction_id": ID, "bid_id": "b1", "amount": 500, "kind": "exact",
    }  # fmt: skip
    assert (result.outcome, result.seq, result.replayed) == ("accepted", 4, True)


@pytest.mark.parametrize(
    "unknown", [{"outcome": "pending", "code": "pending"}, {"outcome": "refused", "code": "store_unavailable"}]
)
async def test_a_bid_with_an_undecided_outcome_is_retried(
    gateway: ScriptedGateway, unknown: dict[str, str]
) -> None:
    async with LiveClient(gateway.url, "t") as client:
        bidding = asyncio.create_task(client.place_bid(ID, 500, bid_id="b1"))
        connection = await gateway.next()
        await connection.next()
        first = await connection.next()
        connection.send(answer_to(first, {"type": "bid_result", "bid_id": "b1", **unknown}))
        again = await connection.next()
        assert is_copy(first, again)
        connection.send(answer_to(again, ACCEPTED))
        assert (await bidding).outcome == "accepted"


async def test_an_unknown_outcome_is_reported_as_unknown(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url, "t") as client:
        result = await client.place_bid(ID, 500, bid_id="b1", timeout_s=0.05)
    assert result == BidResult("b1", "pending", "store_unavailable")


async def test_two_concurrent_sends_of_one_bid_get_an_answer_each(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url, "t") as client:
        bidding = asyncio.gather(*(client.place_bid(ID, 500, bid_id="b1") for _ in range(2)))
        connection = await gateway.next()
        assert (await connection.next())["type"] == "auth"
        one, other = [await connection.next() for _ in range(2)]
        connection.send([answer_to(one, ACCEPTED), answer_to(other, {**ACCEPTED, "replayed": True})])
        assert [result.replayed for result in await bidding] == [False, True]


async def test_a_refusal_of_an_earlier_copy_of_a_bid_does_not_answer_the_later_one(
    gateway: ScriptedGateway,
) -> None:
    """A refused bid is not remembered: the first copy may be refused, and the second one lead."""
    async with LiveClient(gateway.url) as client:
        await client.until_live()
        assert (await client.place_bid(ID, 500, bid_id="b1", timeout_s=0.01)).outcome == "pending"
        bidding = asyncio.create_task(client.place_bid(ID, 500, bid_id="b1"))
        connection = await gateway.next()
        first, second = [await connection.next() for _ in range(2)]
        refused = {**ACCEPTED, "outcome": "refused", "code": "already_leading"}
        connection.send([answer_to(first, refused), answer_to(second, ACCEPTED)])
        assert (await bidding).outcome == "accepted"


async def test_an_error_that_answers_a_bid_is_reported_as_its_refusal(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url, "t") as client:
        bidding = asyncio.create_task(client.place_bid(ID, 500, bid_id="b1"))
        connection = await gateway.next()
        assert (await connection.next())["type"] == "auth"
        no = {"type": "error", "code": "invalid_request", "detail": "no"}
        connection.send(answer_to(await connection.next(), no))
        result = await bidding
    assert (result.outcome, result.code, result.detail) == ("refused", "invalid_request", "no")


async def test_a_message_without_an_answer_is_said_again_with_the_same_id(gateway: ScriptedGateway) -> None:
    said = {"type": "say_result", "message_id": "b1", "outcome": "said", "code": None, "seq": 7}
    async with LiveClient(gateway.url) as client:
        saying = asyncio.create_task(client.say(SHOW_ID, "hello", message_id="b1"))
        bidding = asyncio.create_task(client.place_bid(ID, 500, bid_id="b1"))
        connection = await gateway.next()
        messages = [await connection.next(), await connection.next()]
        connection.cut()
        connection = await gateway.next()
        again = [await connection.next(), await connection.next()]
        assert all(map(is_copy, messages, again))
        connection.send([answer_to(again[0], said), answer_to(again[1], ACCEPTED)])
        assert await saying == SayResult("b1", "said", None, 7)
        assert (await bidding).outcome == "accepted"
    assert without_ref(messages[0]) == {
        "type": "say", "show_id": SHOW_ID, "message_id": "b1", "text": "hello",
    }  # fmt: skip


async def test_a_refused_message_says_when_it_may_be_repeated(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url) as client:
        saying = asyncio.create_task(client.say(SHOW_ID, "hello", message_id="m1"))
        connection = await gateway.next()
        asked = await connection.next()
        refused = {"message_id": "m1", "outcome": "refused", "code": "slow_mode", "retry_after_ms": 900}
        connection.send(answer_to(asked, {"type": "say_result", **refused}))
        assert await saying == SayResult("m1", "refused", "slow_mode", retry_after_ms=900)
