"""Good requests and their answers, as the documentation shows them; a test sends each one through the gateway.

By operation and by the name of the example: a request and an answer of one name belong together.
"""

from typing import Any, Final

from blytz.auction.model import DEFAULT_INCREMENTS

_AT: Final = 1_760_000_000_000
_AUCTION: Final = "auc_019a0c2f6d7c4b1e"
_ANNA: Final = {"id": "usr_8d204f1a0c2f6d7c4b1e8d204f1a0c2f", "name": "Anna"}
_SAM: Final = {"id": "usr_1e8d204f1a0c2f6d7c4b1e8d204f1a0c", "name": "Sam"}

_OPEN: Final[dict[str, Any]] = {
    "auction_id": _AUCTION,
    "title": "A fountain pen, 1958",
    "description": "",
    "image_urls": [],
    "status": "open",
    "seq": 1,
    "price": 0,
    "minimum": 1_000,
    "leader": None,
    "bid_count": 0,
    "reserve_met": True,
    "buy_now_price": None,
    "starts_at": None,
    "opened_at": _AT,
    "ends_at": _AT + 60_000,
    "remaining_ms": None,
    "terms": {
        "currency": "USD",
        "start_price": 1_000,
        "buy_now_price": None,
        "increments": [list(row) for row in DEFAULT_INCREMENTS],
        "ending": "extended",
        "duration_ms": 60_000,
        "extension_window_ms": 10_000,
        "extension_ms": 10_000,
        "max_total_ms": None,
    },
    "seller": _SAM,
    "server_at": _AT + 5,
}
_PAUSED: Final = _OPEN | {"status": "paused", "seq": 2, "ends_at": None, "remaining_ms": 41_250}
_LED: Final = _OPEN | {"seq": 2, "price": 1_000, "minimum": 1_100, "leader": _ANNA, "bid_count": 1}
_SCHEDULED: Final = _OPEN | {
    "status": "scheduled",
    "seq": 0,
    "description": "Serviced last year; writes a little wet.",
    "image_urls": ["https://images.example/pen.jpg"],
    "starts_at": _AT + 3_600_000,
    "opened_at": None,
    "ends_at": None,
    "buy_now_price": 9_000,
    "reserve_met": False,
    "terms": _OPEN["terms"] | {"buy_now_price": 9_000, "ending": "sudden_death", "max_total_ms": 600_000},
}
_CHANGED: Final = {
    name: _OPEN[name]
    for name in (
        *("auction_id", "status", "price", "minimum", "leader", "bid_count", "reserve_met"),
        *("opened_at", "ends_at", "remaining_ms"),
    )
}
OPENED: Final = {"seq": 1, "kind": "opened", "at": _AT, **_CHANGED}
BID: Final = {
    "seq": 2,
    "kind": "bid",
    "at": _AT + 12_000,
    **_CHANGED,
    "price": 1_000,
    "minimum": 1_100,
    "leader": _ANNA,
    "bid_count": 1,
    "bidder": _ANNA,
    "extended": False,
}
STATE: Final = _LED
"""As a snapshot carries it."""

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "createAuction": {
        "at once": {
            "title": "A fountain pen, 1958",
            "terms": {"start_price": 1_000, "duration_ms": 60_000},
        },
        "in an hour": {
            "title": "A fountain pen, 1958",
            "description": "Serviced last year; writes a little wet.",
            "image_urls": ["https://images.example/pen.jpg"],
            "starts_at": _AT + 3_600_000,
            "terms": {
                "start_price": 1_000,
                "reserve_price": 5_000,
                "buy_now_price": 9_000,
                "ending": "sudden_death",
                "max_total_ms": 600_000,
            },
        },
    },
    "placeBid": {
        "leads": {"bid_id": "b-1", "amount": 1_000},
        "outbid at once": {"bid_id": "b-2", "amount": 2_000, "kind": "exact"},
        "hidden ceiling": {"bid_id": "b-3", "amount": 20_000, "kind": "max"},
        "bought": {"bid_id": "b-4", "amount": 9_000, "kind": "buy_now"},
    },
    "extendAuction": {"a minute": {"by_ms": 60_000}},
}


def _receipt(bid_id: str, price: int, minimum: int, outcome: str = "accepted") -> dict[str, Any]:
    return {
        "bid_id": bid_id,
        "outcome": outcome,
        "seq": 2,
        "price": price,
        "minimum": minimum,
        "leading": outcome == "accepted",
        "ends_at": _AT + 60_000,
        "replayed": False,
    }


ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listAuctions": {"one": {"auctions": [_LED], "cursor": _AUCTION}},
    "createAuction": {"at once": _OPEN, "in an hour": _SCHEDULED},
    "getAuction": {"to anyone": _LED, "to its leader": _LED | {"your_ceiling": 20_000}},
    "listEvents": {"two": {"events": [OPENED, BID], "seq": 2}},
    "placeBid": {
        "leads": _receipt("b-1", 1_000, 1_100),
        "outbid at once": _receipt("b-2", 2_100, 2_200, "outbid"),
        "hidden ceiling": _receipt("b-3", 1_000, 1_100),
        "bought": _receipt("b-4", 9_000, 9_300),
    },
    "pauseAuction": {"paused": _PAUSED},
    "resumeAuction": {"resumed": _OPEN | {"seq": 3}},
    "cancelAuction": {"cancelled": _OPEN | {"status": "cancelled", "seq": 2}},
    "closeAuction": {"sold": _LED | {"status": "sold", "seq": 3}},
    "extendAuction": {"a minute": _OPEN | {"seq": 2, "ends_at": _AT + 120_000}},
}
