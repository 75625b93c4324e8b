"""What the terminal view of a show shows: the lot that is open, the queue, the chat."""

from collections import deque
from typing import Any, Final

from msgspec import Struct

from blytz.cli.watch.scene import Link, Scene, display_name, link_of
from blytz.client.live import LiveClient
from blytz.client.show_topic import ShowTopic
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
        """The lot whose auction is shown."""
        auction = self.lot_scene.topic
        lots = (self.state or {}).get("lots", ())
        return next((lot for lot in lots if auction and lot["auction_id"] == auction.subject_id), None)

    def lots(self, *statuses: str) -> list[Json]:
        """In queue order."""
        return [lot for lot in (self.state or {}).get("lots", ()) if lot["status"] in statuses]

    def look(self, client: LiveClient, monotonic: float) -> None:
        """Take over what the client knows of its connection, of the time and of the lot that is open."""
        self.now_ms, self.link = client.clock.now_ms(), link_of(client, monotonic)
        self.lot_scene.look(client, monotonic)
        shown = self.lot
        if shown is not None and shown["status"] == "open" and client.auction(shown["auction_id"]):
            return
        for lot in self.lots("open"):
            auction = client.auction(lot["auction_id"])
            if auction is not None and auction.state is not None:
                self.lot_scene.follow(auction)
                return

    def on_message(self, message: Json) -> None:
        topic = message.get("topic", "")
        if message["type"] == "error" or (self.lot_scene.topic and topic == self.lot_scene.topic.name):
            self.lot_scene.on_message(message)
        elif topic == self.topic.name and message["type"] == "snapshot":
            known = {line.message_id for line in self.feed}
            said = (each for each in message["state"]["messages"] if each["message_id"] not in known)
            self._put(*map(_said, said))
        elif topic == self.topic.name and message["type"] == "event":
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
            return FeedLine(at, f"bought; {event['left']} left", kind=kind)
    return FeedLine(at, _TURNS[kind], kind="show") if kind in _TURNS else None


def _said(message: Json) -> FeedLine:
    user = message["user"]
    text, name = isolated(message["text"]), display_name(user)
    return FeedLine(message["at"], text, name, user.get("badge"), message_id=message["message_id"])


def _closed(event: Json) -> str:
    name, currency = lot_name(event["lot"]), event["lot"]["terms"]["currency"]
    match event["outcome"]:
        case "sold":
            return f"{name} sold to {display_name(event['winner'])} for {money(event['price'], currency)}"
        case "unsold":
            return f"{name} was not sold"
    return f"{name} was called off"


def lot_name(lot: Json) -> str:
    return f"#{lot['number']} {isolated(lot['title'])}"
