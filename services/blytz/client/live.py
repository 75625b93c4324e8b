"""The reference client of the live protocol (sections 4 and 8): watches auctions and shows, bids and speaks, over
one WebSocket that it keeps alive. The author of another client may read this as the recipe."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, Literal, Self, cast

from blytz.client.clock import RemoteClock
from blytz.client.show_topic import ShowTopic
from blytz.client.topic import Gap, Topic
from blytz.client.wire import Wire
from blytz.client.writes import BidResult, Pending, PendingWrites, Result, SayResult

FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 10.0
PING_EVERY_S: Final = 2.0
STALE_AFTER_S: Final = 5.0
DEAD_AFTER_S: Final = 15.0
WELCOME_WITHIN_S: Final = 5.0
RETRY_S: Final = 0.25
FINAL_CLOSES: Final = {4401: "the token was refused", 4403: "the gateway does not take connections from here"}
"""Close codes after which a new connection would be refused in the same way."""

State = Literal["connecting", "live", "stale", "closed"]
OnMessage = Callable[[dict[str, Any]], None]


class LiveClient:
    """`async with LiveClient(url, token) as client`. Reconnects with full-jitter backoff until closed; resumes
    every topic where it was and sends again every bid and every message of a chat that has no answer yet.

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
        self.user: dict[str, Any] = {}
        """Who this client is, once it has signed in."""
        self._signed_in = asyncio.Event()
        self._url, self._token, self._on_message = live_url, token, on_message or (lambda _: None)
        self._wire: Wire | None = None
        self._live = asyncio.Event()
        self._writes = PendingWrites()
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
        await self._until(self._live, timeout_s)

    async def until_signed_in(self, timeout_s: float = 10.0) -> None:
        """The same for the sign-in of a client that has a token."""
        await self._until(self._signed_in, timeout_s)

    async def _until(self, event: asyncio.Event, timeout_s: float) -> None:
        happened = asyncio.ensure_future(event.wait())
        try:
            await self._first_of(happened, timeout_s)
        finally:
            happened.cancel()
        if self._ended.is_set():
            raise ConnectionError(self.why_closed)

    async def until_closed(self) -> None:
        await self._ended.wait()

    def watch(self, auction_id: str) -> Topic:
        """Follow an auction from now on, across reconnects."""
        return self._watch(Topic(auction_id))

    def watch_show(self, show_id: str) -> ShowTopic:
        """Follow a show and each of its auctions while it is open; those appear in `topics`."""
        return cast("ShowTopic", self._watch(ShowTopic(show_id)))

    def _watch(self, topic: Topic) -> Topic:
        known = self.topics.get(topic.name)
        if known is not None and not known.is_followed:
            return known
        self.topics[topic.name] = topic
        if self._live.is_set():
            self._send(topic.watch_message())
        return topic

    def unwatch(self, name: str) -> None:
        """`name` is that of the topic. Auctions that came with a show leave with it."""
        topic = self.topics.pop(name, None)
        if topic and self._live.is_set():
            self._send({"type": "unwatch", "topic": name})
        if isinstance(topic, ShowTopic):
            ids = {lot["auction_id"] for lot in (topic.state or {}).get("lots", ())}
            self._forget_followed(lambda followed: followed.subject_id in ids)

    def auction(self, auction_id: str) -> Topic | None:
        """One that is watched, or came with a show."""
        return self.topics.get(f"auction:{auction_id}")

    async def place_bid(
        self, auction_id: str, amount: int, kind: str = "exact", *, bid_id: str = "", timeout_s: float = 10.0
    ) -> BidResult:
        """Bid once, whatever happens to the connection: the same bid_id is sent until there is an answer.
        After `timeout_s` without one the result is `pending`. Raises ConnectionError when this client may not come
        back (its token was refused)."""
        bid_id = bid_id or f"b-{secrets.token_hex(8)}"
        message = {"type": "bid", "auction_id": auction_id, "bid_id": bid_id, "amount": amount, "kind": kind}
        last = BidResult(bid_id, "pending", "store_unavailable")
        return cast("BidResult", await self._write(message, last, timeout_s))

    async def say(self, show_id: str, text: str, *, message_id: str = "", timeout_s: float = 10.0) -> SayResult:
        """Say this once in the chat of a show: retries, `pending` and ConnectionError as for a bid."""
        message_id = message_id or f"m-{secrets.token_hex(8)}"
        message = {"type": "say", "show_id": show_id, "message_id": message_id, "text": text}
        last = SayResult(message_id, "pending", "store_unavailable")
        return cast("SayResult", await self._write(message, last, timeout_s))

    async def _write(self, message: dict[str, Any], last: Result, timeout_s: float) -> Result:
        pending = self._writes.add(message, last)
        if self._live.is_set():
            self._send(self._writes.copy(pending))
        try:
            await self._first_of(pending.result, timeout_s)
        except TimeoutError:
            return pending.last
        finally:
            self._writes.remove(pending)
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
                asyncio.get_running_loop().call_later(WELCOME_WITHIN_S, self._give_up_unwelcome, wire)
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

    def _give_up_unwelcome(self, wire: Wire) -> None:
        if self._wire is wire and not self._live.is_set():
            wire.close()

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
            case "authenticated":
                self.user = message["user"]
                self._signed_in.set()
            case "bid_result" | "say_result":
                if again := self._writes.answer(message):
                    asyncio.get_running_loop().call_later(RETRY_S, self._send_again, again)
            case "error":
                self._take_error(message)
            case "snapshot" | "replay" | "event" | "viewers":
                self._take_topic(message)

    def _greet(self) -> None:
        """On a new connection: sign in, watch every topic, and send every write that has no answer."""
        if self._token:
            self._send({"type": "auth", "token": self._token, "ref": "auth"})
        self._ping()
        for topic in self.topics.values():
            # What came with a show comes with it again, and then with a snapshot.
            topic.waiting = True
            if not topic.is_followed:
                self._send(topic.watch_message())
        for message in self._writes.copies():
            self._send(message)

    def _send_again(self, pending: Pending) -> None:
        if self._live.is_set() and self._writes.is_to_send(pending):
            self._send(self._writes.copy(pending))

    def _take_error(self, message: dict[str, Any]) -> None:
        code, detail = message["code"], message.get("detail")
        ref = message.get("ref", "")
        topic = self.topics.get(ref)
        if topic and code in {"store_unavailable", "overloaded"}:
            asyncio.get_running_loop().call_later(RETRY_S, self._watch_again, topic)
        elif not self._writes.refuse(ref, code, detail) and code in {"banned", "unauthenticated"}:
            self._refused = detail or ""
        self._on_message(message)

    def _watch_again(self, topic: Topic) -> None:
        if self._live.is_set() and topic.waiting and self.topics.get(topic.name) is topic:
            self._send(topic.watch_message())

    def _take_topic(self, message: dict[str, Any]) -> None:
        topic = self.topics.get(message["topic"]) or self._followed(message)
        if topic is None:
            return
        try:
            events = topic.take(message)
        except Gap:
            topic.is_followed = False
            self._send(topic.watch_message())
            return
        if message["type"] in {"snapshot", "viewers"}:
            self._on_message(message)
        for event in events:
            self._on_message(event if "topic" in event else {"type": "event", "topic": topic.name, **event})

    def _followed(self, message: dict[str, Any]) -> Topic | None:
        """The topic of an auction that a watched show has opened: its snapshot comes first. Those that are over,
        or ended while the connection was lost, make room for it."""
        kind, _, subject_id = message["topic"].partition(":")
        is_following = any(isinstance(topic, ShowTopic) for topic in self.topics.values())
        if message["type"] != "snapshot" or kind != Topic.kind or not is_following:
            return None
        self._forget_followed(lambda followed: followed.is_final or followed.waiting)
        topic = self.topics[message["topic"]] = Topic(subject_id)
        topic.is_followed = True
        return topic

    def _forget_followed(self, which: Callable[[Topic], bool]) -> None:
        for name in [each.name for each in self.topics.values() if each.is_followed and which(each)]:
            del self.topics[name]
