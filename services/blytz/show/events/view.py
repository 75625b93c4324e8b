"""The public state of a show as everybody who watches it has it, and what each event does to it. Pure."""

from collections import deque
from collections.abc import Collection, Sequence
from itertools import chain, islice
from typing import Any, Final

import msgspec

from blytz.show.model import is_offer

MAX_MESSAGES: Final = 50
"""The newest ones, in a snapshot."""
MAX_LOTS_SHOWN: Final = 200
"""In a snapshot."""
MAX_LOTS_BYTES: Final = 120_000
"""Of their JSON. A snapshot that does not fit into the send queue of a connection (256 KiB) would end it, at each
new attempt too; the messages and the show take less than 110 KB."""
_OF_SHOW: Final = ("open_lots", "lots", "host")
"""Members of the show that events carry on their own."""
_OF_MESSAGE: Final = ("seq", "at", "message_id", "user", "text", "links")
_TO_COME: Final = ("open", "queued")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
Json = dict[str, Any]


class ShowView:
    """The state after the event `seq`. A `TopicState` (`kit/topics.py`)."""

    events_are_whole = False

    def __init__(
        self,
        show_id: str,
        seq: int,
        epoch: str,
        show: Json,
        lots: Sequence[Json] = (),
        moderators: Sequence[Json] = (),
        messages: Sequence[Json] = (),
        readers: Sequence[str] | None = None,
    ) -> None:
        """`readers` are the users who may watch, None for everybody."""
        self.show_id = show_id
        self.seq = seq
        self.epoch = epoch
        self.show = show
        self.lots = {lot["lot_id"]: lot for lot in lots}
        self.moderators = list(moderators)
        self.messages = deque(messages, maxlen=MAX_MESSAGES)
        self._readers = readers
        self._lots_json: bytes | None = None
        """Encoded again only when a lot has changed: a chat sends many events between two changes."""
        self._opened: set[str] = set()

    @property
    def readers(self) -> Collection[str] | None:
        if self._readers is None:
            return None
        return {*self._readers, self.show["seller"]["id"], *(moderator["id"] for moderator in self.moderators)}

    @property
    def is_final(self) -> bool:
        return False

    def lay(self, events: Sequence[bytes]) -> None:
        for event in events:
            self.apply(_decode(event))

    def apply(self, event: Json) -> None:
        """Lay one event over the state. Members that it does not have change nothing."""
        self.seq = event["seq"]
        self._change_lots(event)
        self._change_show(event)
        if event["kind"] == "message":
            self.messages.append({name: event[name] for name in _OF_MESSAGE if name in event})
        elif event["kind"] == "message_removed":
            kept = (each for each in self.messages if each["message_id"] != event["message_id"])
            self.messages = deque(kept, maxlen=MAX_MESSAGES)
        elif event["kind"] == "lot_opened" and _has_topic(event.get("auction_id")):
            self._opened.add(_topic(event["auction_id"]))

    def _change_show(self, event: Json) -> None:
        if "show" in event:
            self.show = event["show"]
            self._readers = readers_after(self.show, self._readers)
        self.show |= {name: event[name] for name in _OF_SHOW if name in event}
        if "moderators" in event:
            self.moderators = event["moderators"]

    def _change_lots(self, event: Json) -> None:
        if "lot" in event:
            self.lots[event["lot"]["lot_id"]] = event["lot"]
        elif event["kind"] == "lot_removed":
            self.lots.pop(event["lot_id"], None)
        elif "positions" not in event:
            return
        for lot_id, position in event.get("positions", {}).items():
            if lot_id in self.lots:
                self.lots[lot_id] = {**self.lots[lot_id], "position": position}
        self._lots_json = None

    def encode(self) -> bytes:
        if self._lots_json is None:
            self._lots_json = self._lots_shown()
        return _encode(
            {
                "show_id": self.show_id,
                "seq": self.seq,
                "show": self.show,
                "lots": msgspec.Raw(self._lots_json),
                "messages": list(self.messages),
                "moderators": self.moderators,
            }
        )

    def _lots_shown(self) -> bytes:
        """As a JSON array in queue order: those that are open, those to come, then the latest of the others, as
        far as `MAX_LOTS_SHOWN` and `MAX_LOTS_BYTES` allow."""
        in_order = sorted(self.lots.values(), key=lambda lot: (lot["position"], lot["lot_id"]))
        to_come = [lot for status in _TO_COME for lot in in_order if lot["status"] == status]
        others = (lot for lot in reversed(in_order) if lot["status"] not in _TO_COME)
        shown: dict[str, bytes] = {}
        size = 0
        for lot in islice(chain(to_come, others), MAX_LOTS_SHOWN):
            text = _encode(lot)
            size += len(text)
            if size > MAX_LOTS_BYTES:
                break
            shown[lot["lot_id"]] = text
        return b"[" + b",".join(shown[lot["lot_id"]] for lot in in_order if lot["lot_id"] in shown) + b"]"

    def open_topics(self) -> frozenset[str]:
        return frozenset(
            _topic(lot["auction_id"])
            for lot in self.lots.values()
            if lot["status"] == "open" and _has_topic(lot.get("auction_id"))
        )

    def take_opened(self) -> frozenset[str]:
        opened, self._opened = self._opened, set()
        return frozenset(opened)


def readers_after(show: Json, readers: Sequence[str] | None) -> Sequence[str] | None:
    """Who may watch after the show was changed to `show`, by who might before: it may have become a rehearsal, or
    be one no more. None for everybody."""
    if not is_private(show):
        return None
    return [show["seller"]["id"]] if readers is None else readers


def is_private(show: Json) -> bool:
    """Whether only its seller, its moderators and the named readers may watch it."""
    return bool(show["visibility"] == "rehearsal" or show["status"] == "draft")


def _has_topic(auction_id: str | None) -> bool:
    """An offer has none: what there is to know of it, events of the show tell."""
    return auction_id is not None and not is_offer(auction_id)


def _topic(auction_id: str) -> str:
    return f"auction:{auction_id}"
