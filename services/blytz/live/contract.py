"""What `specs/asyncapi.yaml` is made from: every message of `blytz.v1` as a struct, close codes, and examples.

`protocol.py` puts events, snapshots and replays together as text; here they stand as structs, for readers of the
contract and for the tests that hold the text against them.
"""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from blytz.auction.http.schemas import AuctionState, EventView
from blytz.live import contract_of_shows, protocol
from blytz.live.contract_of_shows import ShowEvent, ShowReplay, ShowSnapshot
from blytz.live.protocol import (
    Auth,
    Authenticated,
    BidResult,
    Error,
    Ping,
    PlaceBid,
    Pong,
    Say,
    SayResult,
    Unwatch,
    Viewers,
    Watch,
    Welcome,
)


class EventMessage(EventView, kw_only=True, frozen=True, tag_field="type", tag="event"):
    """One change, each `seq` one above the last: no gap, no repeat, no reorder."""

    topic: str


class Snapshot(Struct, tag_field="type", tag="snapshot"):
    """The whole state; what was known of this topic before is void."""

    topic: str
    epoch: str
    seq: int
    state: AuctionState
    ref: str | UnsetType = UNSET


class Replay(Struct, tag_field="type", tag="replay"):
    """All that was missed since `after`, oldest first."""

    topic: str
    epoch: str
    seq: int
    events: list[EventView]
    ref: str | UnsetType = UNSET


Summaries = dict[type[Struct], str]
CLIENT: Final[Summaries] = {
    Auth: "Sign in with a token. Optional: watching needs no token. May be sent again before the token expires.",
    Watch: "Follow a topic; with `after` and `epoch`, from the last event that was received. With `follow`, "
    "the open auctions of a show too, each with its snapshot first.",
    Unwatch: "Stop following it.",
    PlaceBid: "Bid. The same `bid_id` sent again gets the first answer again.",
    Say: "Speak in the chat of a show. The same `message_id` sent again gets the first answer again.",
    Ping: "Ask for the server's time.",
}
SERVER: Final[Summaries] = {
    Welcome: "The first message of every connection.",
    Authenticated: "The token is accepted.",
    Snapshot: "The whole state; what was known of this topic before is void.",
    Replay: "All that was missed since `after`, oldest first.",
    EventMessage: "One change, each `seq` one above the last: no gap, no repeat, no reorder.",
    ShowSnapshot: "The whole state of a show; what was known of this topic before is void.",
    ShowReplay: "All that was missed of a show since `after`, oldest first.",
    ShowEvent: "One change of a show, each `seq` one above the last: no gap, no repeat, no reorder.",
    SayResult: "The speaker's own answer, sent once the message is durable.",
    BidResult: "The bidder's own answer, sent once the bid is durable.",
    Viewers: "How many watch, at most once a second while it changes.",
    Error: "A message was malformed or is not allowed. Ten malformed messages in a minute end the connection.",
    Pong: "The server's time.",
}
ANSWERS: Final[dict[type[Struct], tuple[type[Struct], ...]]] = {
    Auth: (Authenticated, Error),
    Watch: (Snapshot, Replay, ShowSnapshot, ShowReplay, Error),
    Unwatch: (Error,),
    PlaceBid: (BidResult, Error),
    Say: (SayResult, Error),
    Ping: (Pong,),
}
UNSOLICITED: Final = (Welcome, EventMessage, Snapshot, ShowEvent, ShowSnapshot, Viewers)
NAMES: Final[dict[type[Struct], str]] = {
    ShowSnapshot: "show_snapshot",
    ShowReplay: "show_replay",
    ShowEvent: "show_event",
}
"""Messages that have the `type` of another one: `topic` tells them apart."""

CLOSES: Final = {
    protocol.RESTARTING: "the service restarts: reconnect with full jitter, up to 10 s",
    protocol.MALFORMED: "malformed beyond repair",
    protocol.TOKEN_REFUSED: "the token was refused, revoked or has expired, or its user is banned",
    protocol.ORIGIN_REFUSED: "pages of this origin may not connect",
    protocol.TOO_SLOW: "the reader is too far behind: reconnect with `after`",
    protocol.TOO_MANY: "too many messages or connections",
}

_AT: Final = 1_760_000_000_000
_TOPIC: Final = "auction:auc_019a0c2f6d7c4b1e"


def examples(
    opened: dict[str, Any], bid: dict[str, Any], state: dict[str, Any], show: dict[str, Any], lot: dict[str, Any]
) -> dict[type[Struct], list[Any]]:
    """By message. The arguments are those of the HTTP calls' examples."""
    topic = {"topic": _TOPIC}
    at_place = {**topic, "epoch": "4b1e7c6d", "seq": 2}
    asked = {"type": "bid", "auction_id": _TOPIC.removeprefix("auction:")}
    answer = {"type": "bid_result", "seq": 2, "price": 1_000, "minimum": 1_100, "ends_at": _AT + 60_000}
    return {
        Auth: [{"type": "auth", "token": "<header>.<claims>.<signature>", "ref": "auth"}],
        Watch: [
            {"type": "watch", **topic},
            {"type": "watch", **topic, "after": 1, "epoch": "4b1e7c6d", "ref": "again"},
            {"type": "watch", "topic": f"show:{show['show_id']}", "follow": True},
        ],
        Unwatch: [{"type": "unwatch", **topic}],
        PlaceBid: [
            {**asked, "bid_id": "b-1", "amount": 1_000, "ref": "1"},
            {**asked, "bid_id": "b-2", "amount": 20_000, "kind": "max"},
        ],
        Say: [
            {"type": "say", "show_id": show["show_id"], "message_id": "m-1", "text": "Is it signed?", "ref": "s"}
        ],
        SayResult: [
            {"type": "say_result", "message_id": "m-1", "outcome": "said", "code": None, "seq": 2, "ref": "s"},
            {
                "type": "say_result",
                "message_id": "m-2",
                "outcome": "refused",
                "code": "slow_mode",
                "seq": None,
                "retry_after_ms": 4_200,
            },
        ],
        **contract_of_shows.examples(show, lot),
        Ping: [{"type": "ping", "ref": "p1"}],
        Welcome: [{"type": "welcome", "session": "ses_019a0c30", "server_at": _AT, "heartbeat_ms": 20_000}],
        Authenticated: [
            {
                "type": "authenticated",
                "user": {"id": "usr_8d204f1a0c2f6d7c4b1e8d204f1a0c2f", "name": "Anna", "roles": ["bidder"]},
                "expires_at": _AT + 43_200_000,
                "ref": "auth",
            }
        ],
        Snapshot: [{"type": "snapshot", **at_place, "state": state}],
        Replay: [{"type": "replay", **at_place, "ref": "again", "events": [bid]}],
        EventMessage: [{"type": "event", **topic, **opened}, {"type": "event", **topic, **bid}],
        BidResult: [
            {
                **answer,
                "bid_id": "b-1",
                "outcome": "accepted",
                "code": None,
                "seq": 2,
                "replayed": False,
                "ref": "1",
            },
            {**answer, "bid_id": "b-1", "outcome": "accepted", "code": None, "replayed": True, "ref": "1"},
            {**answer, "bid_id": "b-3", "outcome": "refused", "code": "bid_too_low", "replayed": False},
            {
                "type": "bid_result",
                "bid_id": "b-4",
                "outcome": "pending",
                "code": "pending",
                "seq": None,
                "price": None,
                "minimum": None,
                "ends_at": None,
                "replayed": False,
                "retry_after_ms": 300,
            },
        ],
        Viewers: [{"type": "viewers", **topic, "count": 412}],
        Error: [{"type": "error", "code": "invalid_request", "detail": "JSON is malformed", "ref": "1"}],
        Pong: [{"type": "pong", "server_at": _AT, "ref": "p1"}],
    }
