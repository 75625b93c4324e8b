"""Drafts and rehearsals on a whole platform: there for their seller and moderators, and for nobody else."""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from blytz.identity.dev import DevIssuer
from tests.support.live_client import Client, welcomed
from tests.support.platform import Platform

HOUR_MS = 3_600_000


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{platform.url}/auction/v1", timeout=10) as client:
        yield client


class Person:
    """Somebody with a token, or nobody."""

    def __init__(self, platform: Platform, http: httpx.Client, *roles: Any) -> None:
        self._http, self._port = http, platform.ports["nginx"]
        self.token = platform.token(f"Person {time.time_ns()}", *roles) if roles else ""

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return self._http.request(method, path, json=body, headers=headers)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def rehearsal(self, **fields: Any) -> tuple[str, str]:
        """A new one and the auction of its only lot, which is open."""
        show_id = self.done("POST", "/shows", {"title": "Secret", "visibility": "rehearsal", **fields})["show_id"]
        terms = {"start_price": 1_000, "duration_ms": HOUR_MS}
        self.done("POST", f"/shows/{show_id}/lots", {"title": "Secret bowl", "terms": terms})
        self.done("POST", f"/shows/{show_id}/start")
        return show_id, self.done("POST", f"/shows/{show_id}/next")["auction_id"]

    async def socket(self, stack: AsyncExitStack) -> Client:
        return await stack.enter_async_context(welcomed(self._port, self.token))


async def first_answer(client: Client, topic: str, **more: object) -> dict[str, Any]:
    client.send({"type": "watch", "topic": topic, "ref": "w", **more})
    while (message := await client.next())["type"] not in ("snapshot", "error"):
        pass
    return message


async def test_the_auction_of_a_rehearsal_is_there_for_its_seller_and_moderators_only(
    platform: Platform, http: httpx.Client
) -> None:
    sam, named = Person(platform, http, "seller"), Person(platform, http, "bidder")
    show_id, auction_id = sam.rehearsal()
    user_id = DevIssuer(platform.data).verify(named.token).id
    sam.done("POST", f"/shows/{show_id}/moderators", {"user_id": user_id, "name": "Mo"})
    path = f"/auctions/{auction_id}"
    bid = {"bid_id": "b1", "amount": 2_000}

    async with AsyncExitStack() as stack:
        for person in (sam, named, Person(platform, http, "moderator"), Person(platform, http, "admin")):
            assert person.done("GET", path)["title"] == "Secret bowl"
            assert person.done("GET", f"{path}/events")["events"]
            refused = person.ask("POST", f"{path}/bids", bid)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            client = await person.socket(stack)
            assert (await first_answer(client, f"auction:{auction_id}"))["type"] == "snapshot"
            told = await client.ask({"type": "bid", "auction_id": auction_id, **bid}, "bid_result")
            assert told["code"] == "forbidden"
            follower = await person.socket(stack)
            assert (await first_answer(follower, f"show:{show_id}", follow=True))["type"] == "snapshot"
            await follower.receive("snapshot", topic=f"auction:{auction_id}")

        for person in (Person(platform, http), Person(platform, http, "bidder"), Person(platform, http, "seller")):
            reads = [person.ask("GET", path), person.ask("GET", f"{path}/events")]
            if person.token:
                reads += [person.ask("POST", f"{path}/bids", bid), person.ask("POST", f"{path}/pause")]
            assert {(one.status_code, one.json()["code"]) for one in reads} == {(404, "auction_not_found")}
            client = await person.socket(stack)
            answer = await first_answer(client, f"auction:{auction_id}")
            assert (answer["type"], answer.get("code"), answer.get("ref")) == ("error", "auction_not_found", "w")
            if person.token:
                told = await client.ask({"type": "bid", "auction_id": auction_id, **bid}, "bid_result")
                assert (told["outcome"], told["code"]) == ("refused", "auction_not_found")
            assert (await first_answer(client, f"show:{show_id}", follow=True))["code"] == "show_not_found"
            assert not [each for each in await client.drain() if each.get("topic") == f"auction:{auction_id}"]


async def test_a_seller_watches_his_draft_and_sees_it_start(platform: Platform, http: httpx.Client) -> None:
    sam, anna = Person(platform, http, "seller"), Person(platform, http, "bidder")
    show_id = sam.done("POST", "/shows", {"title": "Soon"})["show_id"]
    topic = f"show:{show_id}"

    async with AsyncExitStack() as stack:
        client, stranger = await sam.socket(stack), await anna.socket(stack)
        snapshot = await first_answer(client, topic)
        assert (snapshot["type"], snapshot["state"]["show"]["status"]) == ("snapshot", "draft")
        assert (await first_answer(stranger, topic))["code"] == "show_not_found"
        lot = sam.done("POST", f"/shows/{show_id}/lots", {"title": "Bowl", "terms": {}})
        assert (await client.receive("event", topic=topic))["lot"]["lot_id"] == lot["lot_id"]
        assert (await first_answer(stranger, topic))["code"] == "show_not_found"

        sam.done("POST", f"/shows/{show_id}/start")
        started = await client.receive("snapshot", topic=topic)
        assert (started["state"]["show"]["status"], started["epoch"] != snapshot["epoch"]) == ("live", True)
        seen = await first_answer(stranger, topic)
        assert (seen["type"], seen["epoch"]) == ("snapshot", started["epoch"])


async def test_what_happened_in_a_draft_is_replayed_to_nobody_later(
    platform: Platform, http: httpx.Client
) -> None:
    sam, anna = Person(platform, http, "seller"), Person(platform, http, "bidder")
    show_id = sam.done("POST", "/shows", {"title": "Secret title"})["show_id"]
    topic = f"show:{show_id}"

    async with AsyncExitStack() as stack:
        client, stranger = await sam.socket(stack), await anna.socket(stack)
        await first_answer(client, topic)
        sam.done("POST", f"/shows/{show_id}/lots", {"title": "Secret lot", "terms": {}})
        await client.receive("event", topic=topic)
        later = int(time.time() * 1_000) + HOUR_MS
        sam.done("PATCH", f"/shows/{show_id}", {"title": "Open title", "scheduled_at": later})
        epoch = (await first_answer(stranger, topic))["epoch"]
        stranger.send({"type": "unwatch", "topic": topic})
        stranger.send({"type": "watch", "topic": topic, "after": 0, "epoch": epoch})
        sam.done("PATCH", f"/shows/{show_id}", {"title": "Last title"})
        while (message := await stranger.next()).get("show", {}).get("title") != "Last title":
            assert "Secret title" not in str(message)
            assert message.get("kind") != "lot_added"
