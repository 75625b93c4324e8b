"""A show of two hours in a few minutes: many lots, many bidders, reruns, pauses, a moderator, and each process of
the platform killed once. `make soak` runs it whole, the everyday suite a part of it."""

import asyncio
import contextlib
import random
import subprocess
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

from blytz.client.live import LiveClient
from tests.support.platform import Platform, StartPlatform, blytz, clean_env
from tests.support.wait import until

LOT_MS: Final = 1_000
ADVANCE_MS: Final = 1_000
PROCESSES: Final = ("auction", "live", "hammer", "redis")
OVER: Final = {"sold", "unsold", "passed"}
HIGH_LIMITS: Final = {
    "BLYTZ_CONNECTIONS_PER_USER": "100",
    "BLYTZ_WRITES_PER_S": "1000",
    "BLYTZ_WRITES_BURST": "10000",
    "BLYTZ_STORED_BYTES_PER_DAY": "10000000000",
}


@dataclass
class Viewer:
    """A bidder who follows the show, and the numbers of the show's events that came, by history."""

    client: LiveClient
    name: str
    topic: str
    seen: dict[str, list[int]] = field(default_factory=dict)
    open_auctions: list[str] = field(default_factory=list)

    def on_message(self, message: dict[str, Any]) -> None:
        if message.get("topic") != self.topic:
            return
        epoch = self.client.topics[self.topic].epoch or ""
        if message["type"] == "snapshot":
            # It stands for all events up to there.
            self.seen.setdefault(epoch, []).append(-message["seq"])
        elif message["type"] == "event":
            self.seen.setdefault(epoch, []).append(message["seq"])

    def assert_contiguous(self) -> None:
        for seqs in self.seen.values():
            last = None
            for seq in seqs:
                if seq <= 0:
                    last = -seq
                    continue
                assert last is None or seq == last + 1, f"{self.name}: {seq} after {last}"
                last = seq


class WholeShow:
    def __init__(self, platform: Platform, seed: int) -> None:
        self.platform = platform
        self.chance = random.Random(seed)
        self.http = httpx.Client(base_url=f"{platform.url}/auction/v1", timeout=30)
        self.seller = platform.token("Sam", "seller")
        self.viewers: list[Viewer] = []
        self.show_id = ""

    def call(self, method: str, path: str, body: Any = None, *, by: str = "") -> Any:
        """Repeated while a process is away, as the answers ask; a refusal by the rules is an answer."""
        deadline = time.monotonic() + 30
        headers = {"authorization": f"Bearer {by or self.seller}"}
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = self.http.request(method, path, json=body, headers=headers)
                if answer.status_code not in {429, 502, 503, 504}:
                    return answer.json() if answer.content else None
            assert time.monotonic() < deadline, f"{method} {path} is not answered"
            time.sleep(0.1)

    def make(self, lots: int) -> None:
        at = int(time.time() * 1_000) + 600_000
        settings = {"auto_advance_ms": ADVANCE_MS}
        show = self.call("POST", "/shows", {"title": "A whole show", "scheduled_at": at, "settings": settings})
        self.show_id = show["show_id"]
        for number in range(lots):
            terms = {"start_price": 100, "duration_ms": LOT_MS, "ending": "sudden_death"}
            if number % 4 == 0:
                terms["reserve_price"] = 100_000
            self.call("POST", f"/shows/{self.show_id}/lots", {"title": f"Lot {number}", "terms": terms})

    async def enter(self, stack: AsyncExitStack, count: int) -> None:
        topic = f"show:{self.show_id}"
        for number in range(count):
            name = f"Bidder {number}"
            client = LiveClient(self.platform.live_url, self.platform.token(name, "bidder"))
            viewer = Viewer(client, name, topic)
            client._on_message = viewer.on_message
            self.viewers.append(viewer)
            await stack.enter_async_context(client)
            client.watch_show(self.show_id)
        await until(lambda: all(viewer.seen for viewer in self.viewers), "all have a snapshot", 60)

    async def bid_and_talk(self) -> None:
        """Until cancelled: now and then somebody bids on what is open, or says something."""
        while True:
            viewer = self.chance.choice(self.viewers)
            await asyncio.gather(self._bid(viewer), return_exceptions=True)
            if self.chance.random() < 0.1:
                await asyncio.gather(
                    viewer.client.say(self.show_id, "How nice!", timeout_s=5), return_exceptions=True
                )
            await asyncio.sleep(self.chance.uniform(0.02, 0.1))

    async def _bid(self, viewer: Viewer) -> None:
        topics = viewer.client.topics.values()
        auctions = [one for one in topics if one.name.startswith("auction:") and one.state and not one.is_final]
        for one in auctions:
            state = one.state or {}
            amount = state["minimum"] + self.chance.choice((0, 100, 500))
            kind = self.chance.choice(("exact", "max"))
            await viewer.client.place_bid(one.subject_id, amount, kind, timeout_s=5)

    def lots(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            after = f"&cursor={cursor}" if cursor else ""
            page = self.call("GET", f"/shows/{self.show_id}/lots?limit=100{after}")
            found += page["lots"]
            cursor = page["cursor"]
            if cursor is None:
                return found

    async def done(self) -> int:
        lots = await asyncio.to_thread(self.lots)
        return sum(lot["status"] in OVER for lot in lots)

    async def until_done(self, count: int, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while await self.done() < count:  # noqa: ASYNC110 - what is waited for is in another process
                await asyncio.sleep(0.5)

    async def kill(self, name: str) -> None:
        before = self.platform.kill(name)
        await asyncio.to_thread(self.platform.wait_until_back, name, before)

    async def turn(self, verb: str) -> None:
        answer = await asyncio.to_thread(self.call, "POST", f"/shows/{self.show_id}/{verb}")
        assert "status" in answer, answer

    async def rerun_unsold(self, most: int) -> set[str]:
        """By a moderator; a lot that opens by itself may come first."""
        moderator = self.platform.token("Mo", "moderator")
        again: set[str] = set()
        for lot in await asyncio.to_thread(self.lots):
            if lot["status"] in {"unsold", "passed"} and len(again) < most:
                body = {"terms": {"start_price": 100, "duration_ms": LOT_MS, "ending": "sudden_death"}}
                path = f"/lots/{lot['lot_id']}/rerun"
                answer = await asyncio.to_thread(self.call, "POST", path, body, by=moderator)
                if answer.get("status") == "open":
                    again.add(lot["lot_id"])
                    await self.until_closed(lot["lot_id"])
        return again

    async def until_closed(self, lot_id: str) -> None:
        async with asyncio.timeout(60):
            while (await asyncio.to_thread(self.call, "GET", f"/lots/{lot_id}"))["status"] == "open":  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    def assert_outcomes(self, reruns: set[str]) -> Counter[str]:
        """SQL and the auctions agree, and every auction agrees with its replay."""
        found: Counter[str] = Counter()
        for lot in self.lots():
            assert lot["run"] == 1 + (lot["lot_id"] in reruns), lot
            auction = self.call("GET", f"/auctions/{lot['auction_id']}")
            outcome = {"sold": "sold", "unsold": "unsold", "passed": "cancelled"}[lot["status"]]
            assert auction["status"] == outcome, (lot, auction)
            assert lot["price"] == auction["price"], (lot, auction)
            assert lot["winner"] == (auction["leader"] if outcome == "sold" else None)
            found[lot["status"]] += 1
        verified = subprocess.run(
            blytz("verify", "--all", "--data", str(self.platform.data)),
            env=clean_env(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
        return found

    def close(self) -> None:
        self.http.close()


async def play(platform: Platform, *, lots: int, bidders: int, kills: tuple[str, ...], seed: int = 7) -> None:
    show = WholeShow(platform, seed)
    await asyncio.to_thread(show.make, lots)
    async with AsyncExitStack() as stack:
        await show.enter(stack, bidders)
        crowds = [asyncio.create_task(show.bid_and_talk()) for _ in range(3)]
        await show.turn("start")
        for number, name in enumerate(kills, 1):
            await show.until_done(lots * number // (len(kills) + 2), lots * 10)
            await show.kill(name)
            await show.turn("pause")
            await show.turn("resume")
        await show.until_done(lots, lots * 10)
        reruns = await show.rerun_unsold(3)
        for crowd in crowds:
            crowd.cancel()
        await asyncio.gather(*crowds, return_exceptions=True)
        await show.turn("end")
        topics = [viewer.client.topics[viewer.topic] for viewer in show.viewers]
        await until(lambda: all(topic.is_final for topic in topics), "all have seen the end", 30)
        for viewer in show.viewers:
            viewer.assert_contiguous()
        last = {topic.seq for topic in topics}
        assert len(last) == 1, f"not all have seen the same events: {last}"
    found = await asyncio.to_thread(show.assert_outcomes, reruns)
    assert found["sold"] > 0
    show.close()


async def test_a_short_show_with_a_killed_hammer_loses_no_lot(start_platform: StartPlatform) -> None:
    platform = start_platform(env=HIGH_LIMITS)
    await play(platform, lots=6, bidders=12, kills=("hammer",))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_show_of_two_hours_in_compressed_time(start_platform: StartPlatform) -> None:
    platform = start_platform(env=HIGH_LIMITS)
    await play(platform, lots=120, bidders=300, kills=PROCESSES)
