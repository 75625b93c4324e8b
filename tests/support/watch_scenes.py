"""An auction as a viewer sees it, for tests of the terminal output."""

from typing import Any

from blytz.cli.watch.scene import Link, Scene
from blytz.client.topic import Topic

NOW = 1_800_000_000_000
ID = "auc_1"
MAYA, JONAS = {"id": "usr_maya", "name": "Maya Rosen"}, {"id": "usr_jonas", "name": "Jonas Weber"}


def state(**changes: Any) -> dict[str, Any]:
    return {
        "auction_id": ID,
        "title": "Hand-thrown tea bowl, celadon glaze",
        "status": "open",
        "seq": 1,
        "price": 125_050,
        "minimum": 130_000,
        "leader": MAYA,
        "bid_count": 23,
        "reserve_met": False,
        "buy_now_price": 500_000,
        "starts_at": None,
        "opened_at": NOW - 30_000,
        "ends_at": NOW + 42_000,
        "remaining_ms": None,
        "terms": {"currency": "USD"},
    } | changes


def event(seq: int, kind: str = "bid", **changes: Any) -> dict[str, Any]:
    about = {"bidder": MAYA, "extended": False} if kind == "bid" else {}
    changing = {name: value for name, value in state().items() if name not in {"title", "terms", "buy_now_price"}}
    return changing | {"type": "event", "seq": seq, "kind": kind, "at": NOW - 1_000} | about | changes


def scene(**changes: Any) -> Scene:
    """`changes` are applied to the auction's state."""
    made, topic = Scene(), Topic(ID)
    topic.state, topic.viewers = state(**changes), 104
    made.follow(topic)
    made.now_ms = NOW
    made.link = Link("live", offset_ms=12.0, round_trip_ms=3.4)
    return made
