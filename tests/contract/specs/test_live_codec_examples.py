"""The codec reads and writes every example of the AsyncAPI document; those of clients are sent through the
gateway, and its answers conform to the document."""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from blytz.live import contract, protocol
from infra.specs.asyncapi import name_of
from tests.support.example_runner import ExampleRunner
from tests.support.live_client import Client, welcomed
from tests.support.platform import Platform
from tests.support.show_json import fill
from tests.support.specs import document

Message = dict[str, Any]

DOCUMENT: Message = document("asyncapi.yaml")
MESSAGES: Message = DOCUMENT["components"]["messages"]
KINDS = {name_of(kind): kind for kind in (*contract.CLIENT, *contract.SERVER)}
CLIENT = {name_of(kind) for kind in contract.CLIENT}
EXAMPLES = [
    pytest.param(name, example["payload"], id=f"{name}-{number}")
    for name, message in MESSAGES.items()
    for number, example in enumerate(message["examples"], 1)
]
SENT = [example for example in EXAMPLES if example.values[0] in CLIENT]


def named(message: Message) -> str:
    """Its name in the document."""
    kind = str(message["type"])
    is_of_show = message.get("topic", "").startswith("show:") and f"show_{kind}" in MESSAGES
    return f"show_{kind}" if is_of_show else kind


def check(message: Message) -> None:
    """Raises if the document does not allow this message."""
    payload = MESSAGES[named(message)]["payload"]
    jsonschema_rs.Draft7Validator(payload | {"components": DOCUMENT["components"]}).validate(message)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_codec_decodes_and_encodes_every_example(name: str, example: Message) -> None:
    kind = KINDS[name]
    text = json.dumps(example).encode()
    read = protocol.decoder.decode(text) if name in CLIENT else msgspec.json.decode(text, type=kind)
    assert type(read) is kind
    again = json.loads(msgspec.json.encode(read))
    # Fields missing in the example have their defaults.
    assert again.items() >= example.items()


@pytest.mark.parametrize(("name", "example"), SENT)
async def test_the_gateway_answers_every_example_of_a_client(
    platform: Platform, name: str, example: Message
) -> None:
    runner = ExampleRunner(platform)
    try:
        auction_id, token = runner.open(), runner.person("bidder")
        await fill(platform, "shw_1")
    finally:
        runner.close()
    async with welcomed(platform.ports["nginx"]) as client:
        await _prepare(client, name, auction_id, token)
        epoch = str((await client.watch(auction_id))["epoch"]) if "epoch" in example else ""
        client.send(_fitted(example, auction_id, token, epoch))
        answers = {name_of(answer) for answer in contract.ANSWERS[KINDS[name]]} - {"error"}
        received = [] if answers else await client.drain()
        while not any(named(message) in {*answers, "error"} for message in received) and answers:
            received.append(await client.next())
        for message in received:
            check(message)
        reply = [message for message in received if named(message) in answers]
        assert len(reply) == (1 if answers else 0), received
        assert all(message.get("ref") == example.get("ref") for message in reply)


async def _prepare(client: Client, name: str, auction_id: str, token: str) -> None:
    if name in {"bid", "say"}:
        await client.sign_in(token)
    if name == "unwatch":
        await client.watch(auction_id)


def _fitted(example: Message, auction_id: str, token: str, epoch: str) -> Message:
    """The example with existing ids in place of the documented ones."""
    topic = "show:shw_1" if example.get("follow") else f"auction:{auction_id}"
    here = {"topic": topic, "auction_id": auction_id, "show_id": "shw_1", "token": token, "epoch": epoch}
    return {name: here.get(name, value) for name, value in example.items()}


async def test_every_message_of_the_gateway_during_an_auction_conforms_to_the_contract(platform: Platform) -> None:
    runner = ExampleRunner(platform)
    try:
        seller, anna, ben = runner.person("seller"), runner.person("bidder"), runner.person("bidder")
        auction_id = runner.open(seller, buy_now_price=50_000)
        async with welcomed(platform.ports["nginx"]) as client:
            check(await client.sign_in(anna))
            check(await client.watch(auction_id))
            runner.bid(auction_id, ben, 5_000, "max")
            runner.bid(auction_id, ben, 6_000, "max")
            runner.act(auction_id, seller, "pause")
            runner.act(auction_id, seller, "resume")
            client.send({"type": "bid", "auction_id": auction_id, "bid_id": "b-1", "amount": 1})
            client.send({"type": "nonsense"})
            runner.bid(auction_id, ben, 50_000, "buy_now")
            # Answers and events are not ordered with each other, so any of them may be the last.
            missing = {"event", "bid_result", "error", "bid", "paused", "resumed", "sold"}
            while missing:
                message = await client.next()
                check(message)
                missing -= {message["type"], message.get("kind")}
    finally:
        runner.close()


def test_the_close_codes_are_those_of_the_protocol() -> None:
    assert {int(code) for code in DOCUMENT["channels"]["live"]["x-close-codes"]} == {
        value
        for name, value in vars(protocol).items()
        if name.isupper() and isinstance(value, int) and value < 5_000
    } - {protocol.MAX_MESSAGE_BYTES}
