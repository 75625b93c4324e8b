"""A show as a viewer sees it, for tests of the terminal output."""

from typing import Any

from blytz.cli.watch.scene import Link
from blytz.cli.watch.show_scene import ShowScene
from blytz.client.show_topic import ShowTopic
from tests.support.watch_scenes import ID, JONAS, MAYA, NOW, scene

SHOW_ID = "shw_1"
SELLER = {"id": "usr_demo", "name": "Atelier Demo"}


def lot(number: int, status: str = "queued", **changes: Any) -> dict[str, Any]:
    return {
        "lot_id": f"lot_{number}",
        "number": number,
        "title": f"Tea bowl {number}",
        "quantity": 1,
        "unit": 1,
        "terms": {"currency": "USD", "start_price": number * 1_000},
        "status": status,
        "run": 0 if status == "queued" else 1,
        "auction_id": None if status == "queued" else f"auc_of_{number}",
        "price": 0,
        "winner": None,
        "position": number,
    } | changes


def message(seq: int, text: str, user: dict[str, Any] = MAYA, badge: str | None = None) -> dict[str, Any]:
    user = {**user, "badge": badge}
    return {"seq": seq, "at": NOW - 60_000 + seq, "message_id": f"m{seq}", "user": user, "text": text}


def show_state(**changes: Any) -> dict[str, Any]:
    """Of a show whose third lot is open. `changes` are applied to the show itself."""
    show = {
        "show_id": SHOW_ID,
        "title": "Pottery night",
        "status": "live",
        "scheduled_at": None,
        "seller": SELLER,
        "open_lots": ["lot_3"],
        "lots": {"total": 10, "sold": 1},
    }
    lots = [
        lot(1, "sold", price=4_200, winner=MAYA),
        lot(2, "unsold"),
        lot(3, "open", auction_id=ID),
        *map(lot, range(4, 11)),
    ]
    messages = [message(1, "Welcome everybody!", SELLER, "seller"), message(2, "hello from Bern", JONAS)]
    return {
        "show_id": SHOW_ID,
        "seq": 9,
        "show": show | changes,
        "lots": lots,
        "messages": messages,
        "moderators": [],
    }


def show_snapshot(**changes: Any) -> dict[str, Any]:
    state = show_state(**changes)
    return {"type": "snapshot", "topic": f"show:{SHOW_ID}", "epoch": "e", "seq": state["seq"], "state": state}


def show_event(seq: int, kind: str, /, **members: Any) -> dict[str, Any]:
    about = {"type": "event", "topic": f"show:{SHOW_ID}", "seq": seq, "kind": kind, "at": NOW - 20_000 + seq}
    return about | members


def show_scene(*events: dict[str, Any], **changes: Any) -> ShowScene:
    """After its snapshot, with `changes` to the show, and these events."""
    topic = ShowTopic(SHOW_ID)
    made = ShowScene(topic)
    made.now_ms, made.link, topic.viewers = NOW, Link("live", offset_ms=12.0, round_trip_ms=3.4), 104
    snapshot = show_snapshot(**changes)
    topic.take(snapshot)
    made.on_message(snapshot)
    if topic.status in {"live", "paused"}:
        auction = scene().topic
        assert auction is not None
        made.lot_scene.follow(auction)
    made.lot_scene.now_ms, made.lot_scene.link = made.now_ms, made.link
    for event in events:
        topic.take(event)
        made.on_message(event)
    return made


def fixed_lot(number: int, status: str = "queued", *, left: int = 3, **changes: Any) -> dict[str, Any]:
    """Three units at $10.00 each."""
    terms = {"format": "fixed", "currency": "USD", "price": 1_000, "quantity": 3, "per_buyer": None, "sale": None}
    auction_id = None if status == "queued" else f"ofr_of_{number}"
    return lot(number, status, terms=terms, auction_id=auction_id, left=left) | changes


def on_sale(terms: dict[str, Any]) -> dict[str, Any]:
    """The same with a sale price of $8.00 for ten minutes."""
    return terms | {"sale": {"price": 800, "for_ms": 600_000}}
