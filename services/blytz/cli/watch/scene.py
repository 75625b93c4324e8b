"""What the terminal view of an auction shows: the auction, the last bids, the connection."""

from collections import deque
from typing import Any

from msgspec import Struct

from blytz.client.live import LiveClient
from blytz.client.topic import Topic
from blytz.kit.text import isolated

MAX_KEPT_BIDS = 50
EXTENDED_SHOWS_MS = 4_000
AWAY_SHOWS_MS = 10_000


class BidLine(Struct, frozen=True):
    seq: int
    at: int
    name: str
    price: int
    leads: bool
    extended: bool


class Link(Struct, frozen=True):
    """The connection, as it is shown. `offset_ms` is how far the server's clock is ahead of ours."""

    state: str = "connecting"
    offset_ms: float | None = None
    round_trip_ms: float | None = None
    silent_s: float = 0.0


class Scene:
    """Fed with the messages that a `LiveClient` receives; knows nothing of terminals."""

    def __init__(self) -> None:
        self.topic: Topic | None = None
        self.audience: Topic | None = None
        """Whose viewers are counted: a show's, where the auction is of one of its lots."""
        self.bids: deque[BidLine] = deque(maxlen=MAX_KEPT_BIDS)
        self.has_reserve = False
        """Whether a reserve is known of: `reserve_met` is true of an auction without one, so only a price below it
        tells."""
        self.extended_at = 0
        self.store_away_at = 0.0
        self.notice = "looking for an open auction"
        self.link = Link()
        self.now_ms = 0.0

    @property
    def state(self) -> dict[str, Any] | None:
        return self.topic.state if self.topic else None

    @property
    def is_final(self) -> bool:
        return self.topic is not None and self.topic.is_final

    @property
    def viewers(self) -> int:
        counted = self.audience or self.topic
        return counted.viewers if counted else 0

    @property
    def extended(self) -> bool:
        """Whether the clock was put back a moment ago."""
        return 0 <= self.now_ms - self.extended_at < EXTENDED_SHOWS_MS

    @property
    def store_away(self) -> bool:
        """Whether the gateway said a moment ago that no bid can be decided."""
        return 0 <= self.now_ms - self.store_away_at < AWAY_SHOWS_MS

    def remaining_ms(self) -> float | None:
        """On the server's clock; None when no clock runs."""
        if self.state is None:
            return None
        if self.state["status"] == "paused":
            return float(self.state["remaining_ms"])
        until = self.state.get("starts_at") if self.state["status"] == "scheduled" else self.state["ends_at"]
        return None if until is None or self.is_final else max(0.0, until - self.now_ms)

    def follow(self, topic: Topic) -> None:
        self.topic = topic
        self.bids.clear()
        self.extended_at = 0
        self.has_reserve = False
        self._look_for_reserve(topic.state or {})

    def look(self, client: LiveClient, monotonic: float) -> None:
        """Take over what the client knows of its connection and of the time."""
        self.now_ms = client.clock.now_ms()
        self.link = link_of(client, monotonic)

    def on_message(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "error" if message["code"] == "store_unavailable":
                self.store_away_at = self.now_ms
            case "snapshot":
                self.store_away_at = 0.0
                self._look_for_reserve(message["state"])
            case "event":
                self.store_away_at = 0.0
                self._take(message)

    def _look_for_reserve(self, state: dict[str, Any]) -> None:
        """In a state, or in what an event says of it."""
        self.has_reserve |= not state.get("reserve_met", True)

    def _take(self, event: dict[str, Any]) -> None:
        self._look_for_reserve(event)
        if event.get("extended") or event["kind"] == "extended_by_seller":
            self.extended_at = max(self.extended_at, event["at"])
        if event["kind"] == "bid":
            self.bids.append(_bid_line(event))

    def past(self, events: list[dict[str, Any]]) -> None:
        """What happened before the watching began; some of it may have arrived since."""
        for event in events:
            self._look_for_reserve(event)
        lines = {event["seq"]: _bid_line(event) for event in events if event["kind"] == "bid"}
        lines |= {line.seq: line for line in self.bids}
        self.bids = deque((lines[seq] for seq in sorted(lines)), maxlen=MAX_KEPT_BIDS)


def link_of(client: LiveClient, monotonic: float) -> Link:
    clock = client.clock
    return Link(
        state=client.state,
        offset_ms=clock.offset_ms if clock.known else None,
        round_trip_ms=clock.round_trip_ms,
        silent_s=max(0.0, monotonic - client.last_heard) if client.last_heard else 0.0,
    )


def _bid_line(event: dict[str, Any]) -> BidLine:
    leads = event["leader"]["id"] == event["bidder"]["id"]
    name = display_name(event["bidder"])
    return BidLine(event["seq"], event["at"], name, event["price"], leads, event["extended"])


def display_name(party: dict[str, str] | None) -> str:
    if party is None:
        return "nobody yet"
    return isolated(party["name"] or party["id"][-6:])
