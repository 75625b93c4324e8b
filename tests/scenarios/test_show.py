"""A show from its start to its end on a whole platform: run over HTTP and watched on a socket, through nginx."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.support.live_client import Client, welcomed
from tests.support.platform import Platform, StartPlatform
from tests.support.wait import until

TERMS = {"start_price": 1_000, "duration_ms": 1_500, "ending": "sudden_death"}


class Seller:
    """One who makes a show and runs it."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._http = httpx.Client(base_url=f"{platform.url}/auction/v1", timeout=10)
        self._http.headers["authorization"] = f"Bearer {platform.token(name, 'seller')}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def show(self, lots: int, **settings: Any) -> tuple[str, list[str]]:
        at = int(time.time() * 1_000) + 600_000
        made = self.call("POST", "/shows", {"title": "Pottery night", "scheduled_at": at, "settings": settings})
        path = f"/shows/{made['show_id']}/lots"
        added = [self.call("POST", path, {"title": f"Bowl {n}", "terms": TERMS}) for n in range(1, lots + 1)]
        return made["show_id"], [lot["lot_id"] for lot in added]

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def sam(platform: Platform) -> Iterator[Seller]:
    seller = Seller(platform, f"Sam {time.time_ns()}")
    yield seller
    seller.close()


@pytest.fixture
async def anna(platform: Platform) -> AsyncIterator[Client]:
    """A bidder's socket."""
    async with welcomed(platform.ports["nginx"], platform.token(f"Anna {time.time_ns()}", "bidder")) as client:
        yield client


async def event(client: Client, kind: str, topic: str) -> dict[str, Any]:
    while (message := await client.receive("event", topic=topic))["kind"] != kind:
        pass
    return message


async def test_who_follows_a_show_sees_each_lot_come_up_bids_on_it_and_sees_it_sold(
    sam: Seller, anna: Client
) -> None:
    show_id, [first, second] = sam.show(2)
    topic = f"show:{show_id}"
    snapshot = await anna.ask({"type": "watch", "topic": topic, "follow": True}, "snapshot")
    assert [lot["lot_id"] for lot in snapshot["state"]["lots"]] == [first, second]
    assert snapshot["state"]["show"]["status"] == "scheduled"

    sam.call("POST", f"/shows/{show_id}/start")
    assert (await event(anna, "show_started", topic))["show"]["status"] == "live"
    lot = sam.call("POST", f"/shows/{show_id}/next")
    auction = f"auction:{lot['auction_id']}"
    opened = await event(anna, "lot_opened", topic)
    assert (opened["lot"]["lot_id"], opened["auction_id"], opened["open_lots"]) == (
        first,
        lot["auction_id"],
        [first],
    )
    assert (await anna.receive("snapshot", topic=auction))["state"]["status"] == "open"
    bid = {"type": "bid", "auction_id": lot["auction_id"], "bid_id": "b1", "amount": 2_500}
    assert (await anna.ask(bid, "bid_result"))["outcome"] == "accepted"
    await event(anna, "sold", auction)
    closed = await event(anna, "lot_closed", topic)

    assert (closed["lot"]["status"], closed["outcome"], closed["price"]) == ("sold", "sold", 2_500)
    assert closed["winner"]["name"].startswith("Anna")
    assert sam.call("GET", f"/lots/{first}")["status"] == "sold"
    sam.call("POST", f"/lots/{second}/start")
    await event(anna, "lot_opened", topic)
    ended = sam.call("POST", f"/shows/{show_id}/end", {"now": True})
    assert (ended["status"], ended["lots"]) == ("ended", {"total": 2, "sold": 1})
    await event(anna, "show_ended", topic)
    assert sam.call("GET", f"/lots/{second}")["status"] == "passed"


async def test_lots_come_up_by_themselves_and_a_late_viewer_finds_the_one_that_is_open(
    sam: Seller, anna: Client
) -> None:
    show_id, lots = sam.show(2, auto_advance_ms=1_000)
    topic = f"show:{show_id}"
    sam.call("POST", f"/shows/{show_id}/start")

    snapshot = await anna.ask({"type": "watch", "topic": topic, "follow": True}, "snapshot")
    if not snapshot["state"]["show"]["open_lots"]:
        await event(anna, "lot_opened", topic)
    await anna.receive("snapshot")
    for lot_id in lots:
        closed = await event(anna, "lot_closed", topic)
        assert (closed["lot"]["lot_id"], closed["outcome"]) == (lot_id, "unsold")

    page = sam.call("GET", f"/shows/{show_id}")
    assert (page["open_lots"], page["status"]) == ([], "live")


async def test_what_is_said_in_a_live_show_reaches_everybody(
    sam: Seller, anna: Client, platform: Platform
) -> None:
    show_id, _ = sam.show(1)
    topic = f"show:{show_id}"
    say = {"type": "say", "show_id": show_id, "message_id": "m1", "text": " Is it glazed? "}
    assert (await anna.ask(say, "say_result"))["code"] == "not_live"

    sam.call("POST", f"/shows/{show_id}/start")
    async with welcomed(platform.ports["nginx"]) as stranger:
        await stranger.ask({"type": "watch", "topic": topic}, "snapshot")
        said = await anna.ask(say, "say_result")
        assert said["outcome"] == "said"
        heard = await event(stranger, "message", topic)
        assert (heard["text"], heard["seq"]) == ("Is it glazed?", said["seq"])
        late = await anna.ask({"type": "watch", "topic": topic}, "snapshot")
        assert [message["text"] for message in late["state"]["messages"]] == ["Is it glazed?"]


async def test_a_hammer_that_is_killed_leaves_no_lot_behind(start_platform: StartPlatform) -> None:
    platform = start_platform()
    sam = Seller(platform, "Sam")
    show_id, [lot_id, _] = sam.show(2)
    sam.call("POST", f"/shows/{show_id}/start")
    sam.call("POST", f"/shows/{show_id}/next")

    platform.kill("hammer")

    await until(lambda: sam.call("GET", f"/lots/{lot_id}")["status"] == "unsold", "the lot is closed", 20)
    sam.call("POST", f"/shows/{show_id}/next")
    sam.close()
