"""The part of `specs/asyncapi.yaml` that is about shows: what `contract.py` says of auctions, for their topics."""

from typing import Any, Final, Literal

from msgspec import UNSET, Struct, UnsetType

ShowEventKind = Literal[
    "show_started",
    "show_paused",
    "show_resumed",
    "show_ended",
    "show_changed",
    "lot_added",
    "lot_changed",
    "lot_removed",
    "queue_changed",
    "lot_opened",
    "lot_closed",
    "message",
    "message_removed",
    "user_muted",
    "announcement",
    "host_live",
    "host_away",
    "host_back",
    "purchase",
]


class NamedUser(Struct):
    id: str
    name: str


class Speaker(NamedUser):
    badge: Literal["seller", "moderator"] | None


class ChatMessage(Struct):
    seq: int
    at: int
    message_id: str
    user: Speaker
    text: str
    links: bool | UnsetType = UNSET
    """True: shown as clickable links; false: as plain text; absent: the text has none."""


class ShowTopicState(Struct):
    show_id: str
    seq: int
    show: dict[str, Any]
    """As `GET /auction/v1/shows/{id}` answers."""
    lots: list[dict[str, Any]]
    """Up to 200 in the order of the queue, as `GET /auction/v1/lots/{id}` answers, without the description and
    with the first image only."""
    messages: list[ChatMessage]
    """The last 50."""
    moderators: list[NamedUser]
    server_at: int


class ShowEventView(Struct, kw_only=True):
    """One change. `show` and `moderators` replace those of the state, `lot` the lot with its id; `open_lots`,
    `lots` and `host` are members of the show. What `kind` does not have is absent."""

    seq: int
    kind: ShowEventKind
    at: int
    show_id: str
    show: dict[str, Any] | UnsetType = UNSET
    lot: dict[str, Any] | UnsetType = UNSET
    lot_id: str | UnsetType = UNSET
    """Of the lot that was removed, or from which somebody bought."""
    positions: dict[str, int] | UnsetType = UNSET
    """By lot, the new places in the queue."""
    open_lots: list[str] | UnsetType = UNSET
    lots: dict[str, int] | UnsetType = UNSET
    """How many there are (`total`) and how many are sold."""
    host: dict[str, Any] | UnsetType = UNSET
    moderators: list[NamedUser] | UnsetType = UNSET
    auction_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    price: int | UnsetType = UNSET
    winner: NamedUser | UnsetType | None = UNSET
    left: int | UnsetType = UNSET
    message_id: str | UnsetType = UNSET
    user: Speaker | UnsetType = UNSET
    text: str | UnsetType = UNSET
    links: bool | UnsetType = UNSET
    """As that of a message in the state."""
    user_id: str | UnsetType = UNSET
    until: int | UnsetType | None = UNSET
    """Until when the user is muted; null for good."""


class ShowEvent(ShowEventView, kw_only=True, tag_field="type", tag="event"):
    """One change of a show, each `seq` one above the last: no gap, no repeat, no reorder."""

    topic: str


class ShowSnapshot(Struct, tag_field="type", tag="snapshot"):
    """The whole state of a show; what was known of this topic before is void."""

    topic: str
    epoch: str
    seq: int
    state: ShowTopicState
    ref: str | UnsetType = UNSET


class ShowReplay(Struct, tag_field="type", tag="replay"):
    """All that was missed of a show since `after`, oldest first."""

    topic: str
    epoch: str
    seq: int
    events: list[ShowEventView]
    ref: str | UnsetType = UNSET


_AT: Final = 1_760_000_000_000
_ANNA: Final = {"id": "usr_8d204f1a0c2f6d7c4b1e8d204f1a0c2f", "name": "Anna", "badge": None}


def examples(show: dict[str, Any], lot: dict[str, Any]) -> dict[type[Struct], list[Any]]:
    """By message. The show and the lot are those of the HTTP calls' examples."""
    show_id, lot_id = show["show_id"], lot["lot_id"]
    topic = {"topic": f"show:{show_id}"}
    live = {**show, "status": "live", "started_at": _AT, "lots": {"total": 1, "sold": 0}}
    shown = {**lot, "images": lot["images"][:1]}
    del shown["description"]
    said = {"at": _AT, "message_id": "m-1", "user": _ANNA, "text": "Is it signed?"}
    message = {"seq": 2, "kind": "message", "show_id": show_id, **said}
    open_lot = {**shown, "status": "open", "run": 1, "auction_id": "auc_019a0c2f6d7c4b1e"}
    opened = {"seq": 1, "kind": "lot_opened", "at": _AT, "show_id": show_id, "lot": open_lot}
    opened |= {"auction_id": "auc_019a0c2f6d7c4b1e", "open_lots": [lot_id]}
    state = {"show_id": show_id, "seq": 2, "show": live | {"open_lots": [lot_id]}, "lots": [open_lot]}
    state |= {"messages": [{"seq": 2, **said}], "moderators": [], "server_at": _AT}
    at_place = {**topic, "epoch": "7fhc2qk1-4b1e7c6d", "seq": 2}
    return {
        ShowSnapshot: [{"type": "snapshot", **at_place, "state": state}],
        ShowReplay: [{"type": "replay", **at_place, "ref": "again", "events": [message]}],
        ShowEvent: [{"type": "event", **topic, **opened}, {"type": "event", **topic, **message}],
    }
