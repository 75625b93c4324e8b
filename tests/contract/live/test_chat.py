"""Chat over WebSocket: each message gets exactly one answer, and everybody who watches the show gets it."""

from typing import Any

import pytest

from blytz.show.redis.log import RedisShowLog
from tests.contract.live.conftest import Connect, Shows, StartGateway
from tests.support.live import GatewayProcess
from tests.support.live_client import Client


def say(show_id: str, text: Any = "Hello", message_id: str = "m1", **more: Any) -> dict[str, Any]:
    return {"type": "say", "show_id": show_id, "message_id": message_id, "text": text, **more}


@pytest.fixture
async def anna(connect: Connect, gateway: GatewayProcess) -> Client:
    return await connect(gateway.token("Anna"))


async def test_what_is_said_is_answered_and_heard(anna: Client, connect: Connect, show: Shows) -> None:
    show_id, listener = await show(), await connect()
    await listener.watch_topic(f"show:{show_id}")
    result = await anna.ask(say(show_id, "  Hello \u202e "), "say_result")
    assert result == {"type": "say_result", "message_id": "m1", "outcome": "said", "code": None, "seq": 1}
    event = await listener.receive("event")
    assert (event["kind"], event["seq"], event["text"]) == ("message", 1, "Hello")
    assert (event["user"]["name"], event["user"]["badge"]) == ("Anna", None)
    late = await (await connect()).watch_topic(f"show:{show_id}")
    assert [each["text"] for each in late["state"]["messages"]] == ["Hello"]
    again = await anna.ask(say(show_id, ref="r"), "say_result")
    assert again == {**result, "ref": "r"}


async def test_each_refusal_has_its_own_code(
    anna: Client, connect: Connect, gateway: GatewayProcess, show: Shows, log: RedisShowLog
) -> None:
    show_id, over = await show(slow_mode_ms=60_000), await show(status="ended")

    async def code_of(client: Client, *args: Any) -> str:
        result = await client.ask(say(*args), "say_result")
        assert (result["outcome"], result["seq"]) == ("refused", None)
        return str(result["code"])

    assert await code_of(await connect(), show_id) == "unauthenticated"
    assert await code_of(anna, "shw_nowhere") == "show_not_found"
    assert await code_of(anna, "{shw}:*\n") == "show_not_found"
    assert await code_of(anna, over) == "not_live"
    ben = await connect(gateway.token("Ben"))
    for text in ("x" * 301, "two\nlines", " "):
        assert await code_of(ben, show_id, text) == "text_refused"
    await ben.ask(say(show_id), "say_result")
    refused = await ben.ask(say(show_id, message_id="m2"), "say_result")
    assert (refused["code"], 0 < refused["retry_after_ms"] <= 60_000) == ("slow_mode", True)


async def test_a_user_who_says_too_much_at_once_is_rate_limited(
    connect: Connect, start_gateway: StartGateway, show: Shows
) -> None:
    show_id, gateway = await show(), start_gateway(chat_per_s=1, chat_burst=2)
    client = await connect(gateway.token("Carl"), to=gateway)
    client.send(*(say(show_id, message_id=f"m{number}") for number in range(4)))
    results = [await client.receive("say_result") for _ in range(4)]
    assert sorted(result["code"] or "" for result in results) == ["", "", "rate_limited", "rate_limited"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"message_id": ""},
        {"message_id": "a b"},
        {"message_id": "a" * 65},
        {"text": 5},
        {"text": None},
        {"more": 1},
    ],
    ids=str,
)
async def test_a_message_that_is_not_one_is_malformed(wrong: dict[str, Any], anna: Client, show: Shows) -> None:
    error = await anna.ask({**say(await show(), ref="r"), **wrong}, "error")
    assert (error["code"], error["ref"]) == ("invalid_request", "r")
