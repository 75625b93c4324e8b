"""Every documented message of the live gateway is received through nginx, with the same fields and values."""

import asyncio
import json
from typing import Any

import pytest

from blytz.live import contract
from blytz.show.events.log import Announcement, ShowSnapshot
from blytz.show.http.examples import ANSWERS
from infra.specs.asyncapi import name_of
from tests.support.example_runner import ExampleRunner, shape
from tests.support.live_client import Client, welcomed
from tests.support.platform import Platform
from tests.support.show_json import announce, fill
from tests.support.specs import document

Message = dict[str, Any]

DOCUMENT: Message = document("asyncapi.yaml")
DISTINGUISHING_FIELDS = ("type", "kind", "outcome", "code", "replayed")
"""The fields that distinguish the examples of a message."""
EXAMPLES = {
    f"{name}-{number}": example["payload"]
    for name in map(name_of, contract.SERVER)
    for number, example in enumerate(DOCUMENT["components"]["messages"][name]["examples"], 1)
}
SHOW: Message = ANSWERS["listShows"]["one"]["shows"][0]
LOT: Message = ANSWERS["addLot"]["a bowl"]
ONLY_ON_FAILURE = {"bid_result-4"}
"""The outcome of a bid is unknown only on failures: test_http_error_examples.py has this one."""


def fingerprint(message: Message) -> str:
    return json.dumps([shape(message), *(message.get(field) for field in DISTINGUISHING_FIELDS)])


@pytest.fixture(scope="module")
def answer(platform: Platform) -> set[str]:
    """The fingerprints of all messages received during a short auction."""
    runner = ExampleRunner(platform)
    try:
        return {fingerprint(message) for message in asyncio.run(_all_messages(platform, runner))}
    finally:
        runner.close()


async def _all_messages(platform: Platform, runner: ExampleRunner) -> list[Message]:
    received: list[Message] = []
    auction_id, later = runner.open(), runner.open(starts_in_ms=400)
    topic, asked = f"auction:{auction_id}", {"type": "bid", "auction_id": auction_id}
    client = await Client.open(platform.ports["nginx"])
    try:
        received.append(await client.receive("welcome"))
        client.send({"type": "auth", "token": runner.person("bidder"), "ref": "auth"})
        received.append(await client.receive("authenticated"))
        await client.watch(later)
        received.append(await client.receive("event", seq=1))
        await client.watch(auction_id)
        client.send({**asked, "bid_id": "b-1", "amount": 1_000, "ref": "1"})
        received += [await client.receive("bid_result"), await client.receive("event", seq=2)]
        client.send({**asked, "bid_id": "b-1", "amount": 1_000, "ref": "1"})
        received.append(await client.receive("bid_result"))
        client.send({"type": "ping", "ref": "p1"})
        received.append(await client.receive("pong"))
        client.send({"type": "nonsense", "ref": "1"})
        received.append(await client.receive("error"))
    finally:
        client.leave()
    async with welcomed(platform.ports["nginx"], runner.person("bidder")) as other:
        snapshot = await other.watch(auction_id)
        received += [snapshot, await other.receive("viewers")]
        client.leave()
        other.send({**asked, "bid_id": "b-3", "amount": 1})
        received.append(await other.receive("bid_result"))
    received += await _messages_of_a_show(platform, runner)
    async with welcomed(platform.ports["nginx"]) as again:
        again.send({"type": "watch", "topic": topic, "after": 1, "epoch": snapshot["epoch"], "ref": "again"})
        received.append(await again.receive("replay"))
    return received


async def _messages_of_a_show(platform: Platform, runner: ExampleRunner) -> list[Message]:
    auction_id, lot = runner.open(), LOT | {"status": "open", "run": 1}
    lot = {name: value for name, value in lot.items() if name != "description"} | {"auction_id": auction_id}
    show = SHOW | {"status": "live", "lots": {"total": 1, "sold": 0}, "started_at": 1}
    show_id, topic = show["show_id"], f"show:{show['show_id']}"
    await fill(
        platform, show_id, ShowSnapshot(0, show | {"settings": show["settings"] | {"slow_mode_ms": 9_000}}, [])
    )
    async with welcomed(platform.ports["nginx"], runner.person("bidder")) as client:
        epoch = (await client.watch_topic(topic))["epoch"]
        public = {"lot": lot, "auction_id": auction_id, "open_lots": [lot["lot_id"]]}
        await announce(platform, show_id, Announcement(1, "lot_opened", public))
        received = [await client.receive("event", topic=topic, seq=1)]
        spoken = {"type": "say", "show_id": show_id, "text": "Is it signed?"}
        received.append(await client.ask({**spoken, "message_id": "m-1", "ref": "s"}, "say_result"))
        received.append(await client.receive("event", topic=topic, seq=2))
        received.append(await client.ask({**spoken, "message_id": "m-2"}, "say_result"))
    async with welcomed(platform.ports["nginx"]) as late:
        received.append(await late.watch_topic(topic))
        received.append(await late.watch_topic(topic, after=1, epoch=epoch, ref="again"))
    return received


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - ONLY_ON_FAILURE))
def test_the_gateway_sends_each_documented_example(answer: set[str], name: str) -> None:
    assert fingerprint(EXAMPLES[name]) in answer
