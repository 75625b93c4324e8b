"""A show on a platform whose processes are killed: its seller, a moderator, and a crowd that bids and talks."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from secrets import token_hex
from typing import Any, Final, Self

import httpx

from blytz.identity.dev import DevIssuer
from tests.support.platform import Platform
from tests.support.show_viewer import ShowViewer
from tests.support.wait import until

LOT_MS: Final = 1_000
ADVANCE_MS: Final = 1_000
TERMS: Final = {"start_price": 100, "duration_ms": LOT_MS, "ending": "sudden_death"}
EXTENDED: Final = {
    **TERMS,
    "ending": "extended",
    "extension_window_ms": 500,
    "extension_ms": 500,
    "max_total_ms": 2 * LOT_MS,
}
RESERVED: Final = {**TERMS, "reserve_price": 100_000}
"""Nobody in the crowd bids that much."""
OVER: Final = frozenset({"sold", "unsold", "passed"})
NOT_NOW: Final = frozenset({429, 502, 503, 504})
ANSWER_WITHIN_S: Final = 30.0
RETRY_S: Final = 0.1
MUTED_MS: Final = 2_000


class Caller:
    """One user's HTTP calls through nginx, each repeated while a process is away, as its answer asks."""

    def __init__(self, platform: Platform, name: str, *roles: Any) -> None:
        token = platform.token(name, *roles)
        self.name = name
        self.user_id = DevIssuer(platform.data).verify(token).id
        self._http = httpx.AsyncClient(base_url=f"{platform.url}/auction/v1", timeout=10)
        self._http.headers["authorization"] = f"Bearer {token}"

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Refusals by the rules are answers too."""
        deadline = time.monotonic() + ANSWER_WITHIN_S
        headers = {"idempotency-key": token_hex(8)} if method == "POST" else {}
        while True:
            with suppress(httpx.TransportError):
                answer = await self._http.request(method, path, json=body, headers=headers)
                if answer.status_code not in NOT_NOW:
                    return answer
            assert time.monotonic() < deadline, f"{method} {path} is not answered"
            await asyncio.sleep(RETRY_S)

    async def must(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.call(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def close(self) -> None:
        await self._http.aclose()


class WholeShow:
    """The show, and what was done in it."""

    def __init__(self, platform: Platform, seed: int) -> None:
        self.platform = platform
        self.chance = random.Random(seed)
        self.seller = Caller(platform, "Sam", "seller")
        self.moderator = Caller(platform, "Mo", "bidder")
        """Nothing but the seller's word lets him moderate."""
        self.viewers: list[ShowViewer] = []
        self.show_id = ""
        self.reruns: Counter[str] = Counter()
        """By lot."""
        self.acts: Counter[str] = Counter()
        """What the moderator did, by the verb of the audit trail."""
        self._stopping = False

    async def make(self, lots: int) -> None:
        at = int(time.time() * 1_000) + 600_000
        show = {"title": "A whole show", "scheduled_at": at, "settings": {"auto_advance_ms": ADVANCE_MS}}
        self.show_id = (await self.seller.must("POST", "/shows", show))["show_id"]
        for number in range(lots):
            terms = (RESERVED, EXTENDED, TERMS, TERMS)[number % 4]
            lot = {"title": f"Lot {number}", "terms": terms}
            await self.seller.must("POST", f"/shows/{self.show_id}/lots", lot)
        named = {"user_id": self.moderator.user_id, "name": self.moderator.name}
        await self.seller.must("POST", f"/shows/{self.show_id}/moderators", named)

    async def enter(self, stack: AsyncExitStack, count: int) -> None:
        issuer = DevIssuer(self.platform.data)
        for number in range(count):
            token = self.platform.token(f"Bidder {number}", "bidder")
            viewer = ShowViewer(self.platform.live_url, token, issuer.verify(token).id, self.show_id)
            self.viewers.append(viewer)
            await stack.enter_async_context(viewer.client)
            viewer.client.watch_show(self.show_id)
        await until(lambda: all(viewer.histories for viewer in self.viewers), "all have a snapshot", 60)

    @asynccontextmanager
    async def crowded(self, at_once: int) -> AsyncIterator[None]:
        """Until the end of the block everybody bids and talks in turn, `at_once` at a time, and the moderator
        moderates; then the last answers are waited for."""
        turns = itertools.cycle(self.chance.sample(self.viewers, len(self.viewers)))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(self._bid_and_talk(turns))
            tasks.create_task(self._moderate())
            try:
                yield
            finally:
                self._stopping = True

    async def _bid_and_talk(self, turns: "itertools.cycle[ShowViewer]") -> None:
        while not self._stopping:
            if self.chance.random() < 0.05:
                await next(turns).say("How nice!")
            viewer = next(turns)
            if auction := viewer.open_auction():
                await viewer.bid(
                    auction, self.chance.choice((-100, 0, 100, 500)), self.chance.choice(("exact", "max"))
                )
            await asyncio.sleep(self.chance.uniform(0.02, 0.1))

    async def _moderate(self) -> None:
        path = f"/shows/{self.show_id}"
        for number in itertools.count():
            if self._stopping:
                return
            match number % 4:
                case 0 if messages := (self.viewers[0].show.state or {})["messages"]:
                    message_id = messages[-1]["message_id"]
                    await self._act("message_removed", "DELETE", f"{path}/messages/{message_id}")
                case 1:
                    user_id = self.chance.choice(self.viewers).user_id
                    await self._act("user_muted", "PUT", f"{path}/mutes/{user_id}", {"for_ms": MUTED_MS})
                case 2:
                    await self._act("announced", "POST", f"{path}/announcements", {"text": "Bid now!"})
                case 3:
                    queued = [lot["lot_id"] for lot in await self.lots() if lot["status"] == "queued"]
                    if len(queued) > 2:
                        # Refused when a lot opens meanwhile: the queue is no longer the one that was seen.
                        order = {"lot_ids": [*queued[:-2], queued[-1], queued[-2]]}
                        await self._act("queue_ordered", "PUT", f"{path}/queue", order, may_be_refused=True)
            await asyncio.sleep(0.25)

    async def _act(
        self, verb: str, method: str, path: str, body: Any = None, *, may_be_refused: bool = False
    ) -> None:
        answer = await self.moderator.call(method, path, body)
        if not (may_be_refused and answer.status_code == 409):
            assert answer.is_success, f"{method} {path}: {answer.text}"
            self.acts[verb] += 1

    async def lots(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self.seller.must("GET", f"/shows/{self.show_id}/lots?limit=100{after}")
            found += page["lots"]
            if page["cursor"] is None:
                return found
            after = f"&cursor={page['cursor']}"

    async def until_over(self, count: int, within_s: float) -> None:
        """So many lots, by any outcome."""
        async with asyncio.timeout(within_s):
            while sum(lot["status"] in OVER for lot in await self.lots()) < count:  # noqa: ASYNC110 - in SQL
                await asyncio.sleep(0.5)

    async def kill(self, name: str) -> None:
        before = self.platform.kill(name)
        await asyncio.to_thread(self.platform.wait_until_back, name, before)

    async def turn(self, verb: str, status: str) -> None:
        answer = await self.seller.must("POST", f"/shows/{self.show_id}/{verb}")
        assert answer["status"] == status, answer

    async def rerun(self, count: int) -> None:
        """The moderator brings lots up again that were not sold, each between two other lots."""
        unsold = [lot["lot_id"] for lot in await self.lots() if lot["status"] == "unsold"]
        for lot_id in self.chance.sample(unsold, min(count, len(unsold))):
            async with asyncio.timeout(60):
                while (
                    answer := await self.moderator.call("POST", f"/lots/{lot_id}/rerun", {"terms": TERMS})
                ).is_error:
                    assert answer.json()["code"] == "lot_already_open", answer.text
                    await asyncio.sleep(RETRY_S)
            self.reruns[lot_id] += 1
            self.acts["lot_opened"] += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.seller.close()
        await self.moderator.close()
