"""What the terminal view of a show shows: the lot that is open, the queue, the chat."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from blytz.cli.fixed_price import is_fixed, sold_units, unit_price
from blytz.cli.watch.scene import Link, Scene, display_name, link_of
from blytz.client.live import LiveClient
from blytz.client.show_topic import ShowTopic
from blytz.client.topic import Topic
from blytz.kit.money_text import money
from blytz.kit.text import isolated

MAX_KEPT_LINES = 200
Json = dict[str, Any]
_TURNS: Final = {
    "show_started": "the show begins",
    "show_resumed": "the show goes on",
    "show_ended": "the show is over",
    "host_live": "the host is on",
    "host_away": "the host is away",
    "host_back": "the host is back",
}


class FeedLine(Struct, frozen=True):
    """Something that was said or that happened. `name` is that of who said it, empty for what happened."""

    at: int
    text: str
    name: str = ""
    badge: str | None = None
    kind: str = "message"
    message_id: str = ""


class ShowScene:
    """Fed with the messages that a `LiveClient` receives; knows nothing of terminals."""

    def __init__(self, topic: ShowTopic) -> None:
        self.topic = topic
        self.lot_scene = Scene()
        """The auction of the lot that is open, or of the last one."""
        self.lot_scene.audience = topic
        self._offered = ""
        """The lot at a fixed price that is shown in place of an auction; empty for none."""
        self._opened_at: dict[str, int] = {}
        """When the lots opened that have a sale price, put back by each pause. Only of those whose opening was
        seen: the state of a show does not say it."""
        self._paused_at = 0
        self.feed: deque[FeedLine] = deque(maxlen=MAX_KEPT_LINES)
        self.link = Link()
        self.now_ms = 0.0

    @property
    def state(self) -> Json | None:
        return self.topic.state

    @property
    def is_final(self) -> bool:
        return self.topic.is_final

    @property
    def lot(self) -> Json | None:
        """The lot that is shown."""
        auction = self.lot_scene.topic
        lots = (self.state or {}).get("lots", ())
        if self._offered:
            return next((lot for lot in lots if lot["lot_id"] == self._offered), None)
        return next((lot for lot in lots if auction and lot["auction_id"] == auction.subject_id), None)

    def lots(self, *statuses: str) -> list[Json]:
        """In queue order."""
        return [lot for lot in (self.state or {}).get("lots", ()) if lot["status"] in statuses]

    def look(self, client: LiveClient, monotonic: float) -> None:
        """Take over what the client knows of its connection, of the time and of the lot that is open."""
        self.now_ms, self.link = client.clock.now_ms(), link_of(client, monotonic)
        self.lot_scene.look(client, monotonic)
        self.choose(client.auction)

    def choose(self, auction_of: Callable[[str], Topic | None]) -> None:
        """Decide which lot is shown: the same for as long as it is open, then the first that is open. `auction_of`
        gives the auction of an id where its events are received."""
        shown = self.lot
        if shown is not None and shown["status"] == "open" and (self._offered or auction_of(shown["auction_id"])):
            return
        for lot in self.lots("open"):
            if is_fixed(lot):
                self._offered = lot["lot_id"]
                return
            auction = auction_of(lot["auction_id"])
            if auction is not None and auction.state is not None:
                self._offered = ""
                self.lot_scene.follow(auction)
                return

    def sale_remaining_ms(self, lot: Json) -> float | None:
        """How long the sale price of an open lot still holds; None where that is not known, 0 without a sale."""
        sale = lot["terms"].get("sale")
        if not sale or lot["status"] != "open":
            return 0.0
        opened_at = self._opened_at.get(lot["lot_id"])
        if opened_at is None:
            return None
        return float(max(0.0, opened_at + sale["for_ms"] - (self._paused_at or self.now_ms)))

    def _time_sales(self, event: Json) -> None:
        match event["kind"]:
            case "lot_opened" if event["lot"]["terms"].get("sale"):
                self._opened_at[event["lot"]["lot_id"]] = event["at"]
            case "lot_closed":
                self._opened_at.pop(event["lot"]["lot_id"], None)
            case "show_paused":
                self._paused_at = event["at"]
            case "show_resumed" if self._paused_at:
                paused_ms, self._paused_at = event["at"] - self._paused_at, 0
                self._opened_at = {lot_id: at + paused_ms for lot_id, at in self._opened_at.items()}

    def on_message(self, message: Json) -> None:
        topic = message.get("topic", "")
        if message["type"] == "error" or (self.lot_scene.topic and topic == self.lot_scene.topic.name):
            self.lot_scene.on_message(message)
        elif topic == self.topic.name and message["type"] == "snapshot":
            # What happened between two snapshots, pauses among it, is not told.
            self._opened_at, self._paused_at = {}, 0
            known = {line.message_id for line in self.feed}
            said = (each for each in message["state"]["messages"] if each["message_id"] not in known)
            self._put(*map(_said, said))
        elif topic == self.topic.name and message["type"] == "event":
            self._time_sales(message)
            if message["kind"] == "message_removed":
                self.feed = deque(
                    (line for line in self.feed if line.message_id != message["message_id"]), MAX_KEPT_LINES
                )
            elif line := feed_line(message):
                self._put(line)

    def _put(self, *lines: FeedLine) -> None:
        self.feed = deque(sorted([*self.feed, *lines], key=lambda line: line.at), MAX_KEPT_LINES)


def feed_line(event: Json) -> FeedLine | None:
    """What one event of a show tells people; None for one that only changes what is shown elsewhere."""
    kind, at = event["kind"], event["at"]
    match kind:
        case "message":
            return _said(event)
        case "announcement":
            return FeedLine(at, isolated(event["text"]), kind=kind)
        case "lot_opened":
            again = " again" if event["lot"]["run"] > 1 and event["lot"]["quantity"] == 1 else ""
            return FeedLine(at, f"{lot_name(event['lot'])} is open{again}", kind=kind)
        case "lot_closed":
            return FeedLine(at, _closed(event), kind=f"lot_{event['outcome']}")
        case "show_paused":
            why = {"host_away": "the host is away", "seller": "by the seller"}.get(event.get("reason", ""), "")
            return FeedLine(at, f"the show is paused{why and ', '}{why}", kind="show")
        case "purchase":
            return FeedLine(at, f"{lot_name(event['lot'])} bought; {event['left']} left", kind=kind)
    return FeedLine(at, _TURNS[kind], kind="show") if kind in _TURNS else None


def _said(message: Json) -> FeedLine:
    user = message["user"]
    text, name = isolated(message["text"]), display_name(user)
    return FeedLine(message["at"], text, name, user.get("badge"), message_id=message["message_id"])


def _closed(event: Json) -> str:
    name, currency = lot_name(event["lot"]), event["lot"]["terms"]["currency"]
    match event["outcome"]:
        case "sold" if is_fixed(event["lot"]):
            lot = event["lot"]
            some = f"closed; {sold_units(lot)} sold for {unit_price(lot)} each"
            return f"{name} is {some if lot['left'] else 'sold out'}"
        case "sold":
            return f"{name} sold to {display_name(event['winner'])} for {money(event['price'], currency)}"
        case "unsold":
            return f"{name} was not sold"
    return f"{name} was called off"


def lot_name(lot: Json) -> str:
    return f"#{lot['number']} {isolated(lot['title'])}"
