"""Good requests and their answers, as the documentation shows them; a test sends each one through the gateway."""

from typing import Any, Final

from blytz.auction.model import DEFAULT_INCREMENTS

_AT: Final = 1_760_000_000_000
_SHOW_ID: Final = "shw_01m8atq6xptjyda5rq82v5p47f"
_LOT_ID: Final = "lot_01m8atq6xptjyda5rq82v5p47f"
_SAM: Final = {"id": "usr_1e8d204f1a0c2f6d7c4b1e8d204f1a0c", "name": "Sam"}
_SETTINGS: Final[dict[str, Any]] = {
    "mode": "one_at_a_time",
    "auto_advance_ms": None,
    "slow_mode_ms": 0,
    "host_away_pause_ms": 5_000,
    "bidder_requirements": {"card": False, "approval": False},
    "shipping_profile_id": None,
}
_DRAFT: Final[dict[str, Any]] = {
    "show_id": _SHOW_ID,
    "title": "Pottery night",
    "description": "",
    "category": None,
    "tags": [],
    "cover": None,
    "status": "draft",
    "visibility": "public",
    "scheduled_at": None,
    "started_at": None,
    "ended_at": None,
    "seller": _SAM,
    "host": {"state": "absent", "since": None},
    "open_lots": [],
    "viewers": 0,
    "lots": {"total": 0, "sold": 0},
    "settings": _SETTINGS,
    "version": 1,
    "is_ending": False,
}
_SCHEDULED: Final = _DRAFT | {
    "description": "Straight from the kiln.",
    "category": "pottery",
    "tags": ["stoneware", "tea"],
    "cover": "https://images.example/kiln.jpg",
    "status": "scheduled",
    "scheduled_at": _AT + 3_600_000,
    "settings": _SETTINGS | {"auto_advance_ms": 5_000},
}
_TERMS: Final = {"start_price": 1_000, "reserve_price": 5_000, "duration_ms": 60_000}
_LOT: Final[dict[str, Any]] = {
    "lot_id": _LOT_ID,
    "show_id": _SHOW_ID,
    "number": 1,
    "title": "Tea bowl, celadon glaze",
    "description": "",
    "condition": "new",
    "images": ["https://images.example/bowl.jpg"],
    "quantity": 1,
    "unit": 1,
    "terms": {
        "format": "auction",
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
    "status": "queued",
    "run": 0,
    "auction_id": None,
    "price": 0,
    "winner": None,
    "position": 0,
    "pre_bids": 0,
    "left": None,
}
_NEW_LOT: Final = {
    "title": "Tea bowl, celadon glaze",
    "condition": "new",
    "images": ["https://images.example/bowl.jpg"],
    "terms": _TERMS,
}

_FIXED_TERMS: Final = {
    "format": "fixed",
    "price": 1_500,
    "quantity": 40,
    "per_buyer": 2,
    "sale": {"price": 1_000, "for_ms": 60_000},
}
_NEW_FIXED_LOT: Final = {"title": "Tea cup", "terms": _FIXED_TERMS}
_FIXED_LOT: Final = _LOT | {
    "title": "Tea cup",
    "condition": "",
    "images": [],
    "terms": {"format": "fixed", "currency": "USD", **_FIXED_TERMS},
}
_OPEN_LOT: Final = _LOT | {"status": "open", "run": 1, "auction_id": "auc_01m8atq6xptjyda5rq82v5p47f"}
_LIVE: Final = _SCHEDULED | {
    "status": "live",
    "started_at": _AT + 3_600_000,
    "lots": {"total": 1, "sold": 0},
    "version": 2,
}
_ENDED: Final = _LIVE | {"status": "ended", "ended_at": _AT + 7_200_000, "version": 4}

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "createShow": {
        "a draft": {"title": "Pottery night"},
        "in an hour": {
            "title": "Pottery night",
            "description": "Straight from the kiln.",
            "category": "pottery",
            "tags": ["stoneware", "tea"],
            "cover": "https://images.example/kiln.jpg",
            "scheduled_at": _AT + 3_600_000,
            "settings": {"auto_advance_ms": 5_000},
        },
    },
    "changeShow": {"another title": {"title": "Pottery by night", "version": 1}},
    "addLot": {"a bowl": _NEW_LOT, "at a fixed price": _NEW_FIXED_LOT},
    "changeLot": {"used": {"condition": "used"}, "at a fixed price": {"terms": _FIXED_TERMS}},
    "orderQueue": {"one": {"lot_ids": [_LOT_ID]}},
    "placePreBid": {"up to 80 dollars": {"amount": 8_000}},
    "endShow": {"after its open lots": {}, "now": {"now": True}},
    "rerunLot": {
        "on its own terms": {},
        "cheaper": {"terms": {"start_price": 500}},
        "at a fixed price": {"terms": _FIXED_TERMS},
    },
    "createPurchase": {"two": {"purchase_id": "order-1", "quantity": 2}},
    "joinVideo": {"to watch": {"role": "viewer"}, "on camera": {"role": "host"}},
}
_TICKET: Final = {
    "url": "wss://video.example.com",
    "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ2aWV3ZXJfMDEifQ.c2lnbmF0dXJl",
    "room": _SHOW_ID,
    "expires_at": _AT + 7_200_000,
}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listShows": {"one": {"shows": [_SCHEDULED], "cursor": f"1_{_AT + 3_600_000}_17"}},
    "createShow": {"a draft": _DRAFT, "in an hour": _SCHEDULED},
    "getShow": {"with a lot": _SCHEDULED | {"lots": {"total": 1, "sold": 0}}},
    "changeShow": {"another title": _SCHEDULED | {"title": "Pottery by night", "version": 2}},
    "addLot": {"a bowl": _LOT, "at a fixed price": _FIXED_LOT},
    "getLot": {"a bowl": _LOT},
    "listLots": {"one": {"lots": [_LOT], "cursor": None}},
    "changeLot": {
        "used": _LOT | {"condition": "used"},
        "at a fixed price": _LOT | {"terms": _FIXED_LOT["terms"]},
    },
    "orderQueue": {"one": {"lots": [_LOT], "cursor": None}},
    "placePreBid": {"up to 80 dollars": {"lot_id": _LOT_ID, "amount": 8_000}},
    "startShow": {"live": _LIVE},
    "pauseShow": {"paused": _LIVE | {"status": "paused", "version": 3}},
    "resumeShow": {"live": _LIVE | {"version": 4}},
    "endShow": {"after its open lots": _ENDED, "now": _ENDED},
    "cancelShow": {"called off": _ENDED | {"status": "cancelled", "started_at": None}},
    "openNextLot": {"open": _OPEN_LOT},
    "openLot": {"open": _OPEN_LOT},
    "closeLot": {"unsold": _OPEN_LOT | {"status": "unsold"}},
    "createPurchase": {
        "two": {
            "purchase_id": "order-1",
            "quantity": 2,
            "price": 1_000,
            "total": 2_000,
            "left": 38,
            "seq": 2,
            "replayed": False,
        }
    },
    "rerunLot": {
        "on its own terms": _OPEN_LOT,
        "cheaper": _OPEN_LOT | {"terms": _LOT["terms"] | {"start_price": 500}},
        "at a fixed price": _OPEN_LOT
        | {"auction_id": "ofr_01m8atq6xptjyda5rq82v5p47f", "terms": _FIXED_LOT["terms"], "left": 40},
    },
    "joinVideo": {"to watch": _TICKET, "on camera": _TICKET},
    "takeVideoEvent": {"a camera was switched on": {"outcome": "recorded"}},
}
