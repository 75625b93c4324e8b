"""The reference client of the live protocol (section 4): watches auctions and bids, over one WebSocket that it
keeps alive. The author of another client may read this as the recipe."""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from blytz.client.clock import RemoteClock
from blytz.client.show_topic import ShowTopic
from blytz.client.topic import Gap, Topic
from blytz.client.wire import Wire

FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 10.0
PING_EVERY_S: Final = 2.0
STALE_AFTER_S: Final = 5.0
DEAD_AFTER_S: Final = 15.0
RETRY_S: Final = 0.25
FINAL_CLOSES: Final = {4401: "the token was refused", 4403: "the gateway does not take connections from here"}
"""Close codes after which a new connection would be refused in the same way."""

State = Literal["connecting", "live", "stale", "closed"]
OnMessage = Callable[[dict[str, Any]], None]


class BidResult(Struct, frozen=True):
    """`pending` means that the outcome is not known yet: the same bid_id may be sent again."""

    bid_id: str
    outcome: Literal["accepted", "outbid", "refused", "pending"]
    code: str | None = None
    seq: int | None = None
    price: int | None = None
    minimum: int | None = None
    ends_at: int | None = None
    replayed: bool = False
    detail: str | None = None


class _PendingBid:
    def __init__(self, message: dict[str, Any]) -> None:
        self.message = message
        self.result: asyncio.Future[BidResult] = asyncio.get_running_loop().create_future()
        self.last = BidResult(message["bid_id"], "pending", "store_unavailable")


class LiveClient:
    """`async with LiveClient(url, token) as client`. Reconnects with full-jitter backoff until closed; resumes
    every topic where it was and sends again every bid that has no answer yet.

    `on_message` gets each message that changed something, in order: `snapshot`, `event` (the events of a `replay`
    come as such), `viewers`, `error`. `on_state` is called when `state` has changed.
    """

    def __init__(self, live_url: str, token: str | None = None, *, on_message: OnMessage | None = None) -> None:
        self.clock = RemoteClock()
        self.topics: dict[str, Topic] = {}
        self.reconnects = 0
        self.why_closed = ""
        self._refused = ""
        """Why the server refused the token."""
        self.last_heard = 0.0
        self._url, self._token, self._on_message = live_url, token, on_message or (lambda _: None)
        self._wire: Wire | None = None
        self._live = asyncio.Event()
        self._bids: dict[str, list[_PendingBid]] = {}
        """By bid_id, in the order they were sent: the same bid may be pending twice at once."""
        self._pinged_at = 0.0
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> State:
        """What to tell people about this connection."""
        if self._ended.is_set():
            return "closed"
        if not self._live.is_set():
            return "connecting"
        return "stale" if time.monotonic() - self.last_heard > STALE_AFTER_S else "live"

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._pulse())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end("closed by this side")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._wire:
            self._wire.close()

    async def until_live(self, timeout_s: float = 10.0) -> None:
        """Wait for the first connection. Raises TimeoutError, or ConnectionError when it was refused for good."""
        live = asyncio.ensure_future(self._live.wait())
        try:
            await self._first_of(live, timeout_s)
        finally:
            live.cancel()
        if self._ended.is_set():
            raise ConnectionError(self.why_closed)

    async def until_closed(self) -> None:
        await self._ended.wait()

    def watch(self, auction_id: str) -> Topic:
        """Follow an auction from now on, across reconnects."""
        name = f"auction:{auction_id}"
        if name not in self.topics:
            self.topics[name] = topic = Topic(auction_id)
            if self._live.is_set():
                self._send(topic.watch_message())
        return self.topics[name]

    def watch_show(self, show_id: str) -> ShowTopic:
        """Follow a show from now on, across reconnects; not its auctions."""
        topic = self.topics.get(f"show:{show_id}")
        if not isinstance(topic, ShowTopic):
            self.topics[f"show:{show_id}"] = topic = ShowTopic(show_id)
            if self._live.is_set():
                self._send(topic.watch_message())
        return topic

    def unwatch(self, auction_id: str) -> None:
        topic = self.topics.pop(f"auction:{auction_id}", None)
        if topic and self._live.is_set():
            self._send({"type": "unwatch", "topic": topic.name})

    async def place_bid(
        self, auction_id: str, amount: int, kind: str = "exact", *, bid_id: str = "", timeout_s: float = 10.0
    ) -> BidResult:
        """Bid once, whatever happens to the connection: the same bid_id is sent until there is an answer.
        After `timeout_s` without one the result is `pending`. Raises ConnectionError when this client may not come
        back (its token was refused)."""
        bid_id = bid_id or f"b-{secrets.token_hex(8)}"
        message = {"type": "bid", "auction_id": auction_id, "bid_id": bid_id, "amount": amount, "kind": kind}
        pending = _PendingBid({**message, "ref": bid_id})
        self._bids.setdefault(bid_id, []).append(pending)
        if self._live.is_set():
            self._send(pending.message)
        try:
            await self._first_of(pending.result, timeout_s)
        except TimeoutError:
            return pending.last
        finally:
            self._bids[bid_id].remove(pending)
            if not self._bids[bid_id]:
                del self._bids[bid_id]
        if not pending.result.done():
            raise ConnectionError(self.why_closed)
        return pending.result.result()

    async def _first_of(self, wanted: "asyncio.Future[Any]", timeout_s: float) -> None:
        """Wait for this, or for the end of all waiting. Raises TimeoutError."""
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            done, _ = await asyncio.wait((wanted, ended), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise TimeoutError
        finally:
            ended.cancel()

    def _end(self, why: str) -> None:
        if not self._ended.is_set():
            self.why_closed = why
            self._ended.set()

    async def _stay_connected(self) -> None:
        attempt = 0
        while not self._ended.is_set():
            try:
                wire = self._wire = Wire(self._take)
                await wire.open(self._url)
                code = await wire.closed
            except OSError:
                code = 0
            was_live = self._live.is_set()
            self._live.clear()
            if code in FINAL_CLOSES:
                self._end(FINAL_CLOSES[code] + (self._refused and f": {self._refused}"))
                return
            attempt = 0 if was_live else attempt + 1
            await asyncio.sleep(random.uniform(0, min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(attempt, 8))))
            self.reconnects += was_live

    async def _pulse(self) -> None:
        """Ping every now and then, for the server's time and to tell a quiet auction from a dead connection."""
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if self._live.is_set() and time.monotonic() - self.last_heard > DEAD_AFTER_S and self._wire:
                self._wire.close()
            elif self._live.is_set() and not self._pinged_at:
                self._ping()

    def _ping(self) -> None:
        self._pinged_at = time.monotonic()
        self._send({"type": "ping"})

    def _send(self, message: dict[str, Any]) -> None:
        if self._wire:
            self._wire.send(message)

    def _take(self, message: dict[str, Any]) -> None:
        self.last_heard = time.monotonic()
        match message["type"]:
            case "welcome":
                self._pinged_at = 0.0
                self._live.set()
                self._greet()
            case "pong" if self._pinged_at:
                self.clock.sample(self._pinged_at, self.last_heard, message["server_at"])
                self._pinged_at = 0.0
            case "bid_result":
                self._take_result(message)
            case "error":
                self._take_error(message)
            case "snapshot" | "replay" | "event" | "viewers":
                self._take_topic(message)

    def _greet(self) -> None:
        """On a new connection: sign in, watch every topic, and send every bid that has no answer."""
        if self._token:
            self._send({"type": "auth", "token": self._token, "ref": "auth"})
        self._ping()
        for topic in self.topics.values():
            self._send(topic.watch_message())
        for pending in itertools.chain.from_iterable(self._bids.values()):
            self._send(pending.message)

    def _take_result(self, message: dict[str, Any]) -> None:
        pending = self._waiting_for(message["bid_id"])
        if pending is None:
            return
        result = BidResult(**{name: message[name] for name in BidResult.__struct_fields__ if name in message})
        if result.outcome == "pending" or result.code == "store_unavailable":
            pending.last = replace(result, outcome="pending")
            asyncio.get_running_loop().call_later(RETRY_S, self._send_again, pending)
        else:
            pending.result.set_result(result)

    def _waiting_for(self, bid_id: str) -> _PendingBid | None:
        return next((pending for pending in self._bids.get(bid_id, ()) if not pending.result.done()), None)

    def _send_again(self, pending: _PendingBid) -> None:
        if self._live.is_set() and not pending.result.done():
            self._send(pending.message)

    def _take_error(self, message: dict[str, Any]) -> None:
        code, detail = message["code"], message.get("detail")
        pending = self._waiting_for(message.get("ref", ""))
        topic = self.topics.get(message.get("ref", ""))
        if pending:
            pending.result.set_result(BidResult(pending.message["bid_id"], "refused", code, detail=detail))
        elif topic and code in {"store_unavailable", "overloaded"}:
            asyncio.get_running_loop().call_later(RETRY_S, self._watch_again, topic)
        elif code in {"banned", "unauthenticated"}:
            self._refused = detail or ""
        self._on_message(message)

    def _watch_again(self, topic: Topic) -> None:
        if self._live.is_set() and topic.waiting and self.topics.get(topic.name) is topic:
            self._send(topic.watch_message())

    def _take_topic(self, message: dict[str, Any]) -> None:
        topic = self.topics.get(message["topic"])
        if topic is None:
            return
        try:
            events = topic.take(message)
        except Gap:
            self._send(topic.watch_message())
            return
        if message["type"] in {"snapshot", "viewers"}:
            self._on_message(message)
        for event in events:
            self._on_message(event if "topic" in event else {"type": "event", "topic": topic.name, **event})
