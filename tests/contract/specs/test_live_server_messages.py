"""Every example of what the live gateway says is had from it, through nginx: the same fields, the same words."""

import asyncio
import json
from typing import Any

import pytest
import yaml

from blytz.live import contract
from infra.specs.asyncapi import name_of
from tests.support.example_runner import SPECS, ExampleRunner, shape
from tests.support.live_client import Client, welcomed
from tests.support.platform import Platform

Message = dict[str, Any]

DOCUMENT: Message = yaml.safe_load((SPECS / "asyncapi.yaml").read_text())
WORDS = ("type", "kind", "outcome", "code", "replayed")
"""What tells one example of a message from another."""
EXAMPLES = {
    f"{name}-{number}": example["payload"]
    for name in map(name_of, contract.SERVER)
    for number, example in enumerate(DOCUMENT["components"]["messages"][name]["examples"], 1)
}
ON_BAD_DAYS = {"bid_result-4"}
"""A well platform knows what became of a bid: test_http_error_examples.py has this one."""


def likeness(message: Message) -> str:
    return json.dumps([shape(message), *(message.get(word) for word in WORDS)])


@pytest.fixture(scope="module")
def answer(platform: Platform) -> set[str]:
    """What all that was said in a short evening is like."""
    runner = ExampleRunner(platform)
    try:
        return {likeness(message) for message in asyncio.run(_evening(platform, runner))}
    finally:
        runner.close()


async def _evening(platform: Platform, runner: ExampleRunner) -> list[Message]:
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
    async with welcomed(platform.ports["nginx"]) as again:
        again.send({"type": "watch", "topic": topic, "after": 1, "epoch": snapshot["epoch"], "ref": "again"})
        received.append(await again.receive("replay"))
    return received


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - ON_BAD_DAYS))
def test_the_gateway_sends_each_documented_example(answer: set[str], name: str) -> None:
    assert likeness(EXAMPLES[name]) in answer
