"""For each code of a refusal, a request that is refused with it: a good one, and what has to be wrong with it."""

import time
from collections.abc import Callable
from typing import Any

from tests.support.stage import LONG_MS, Ask, Operation, Stage

Way = Callable[[Stage, Operation], Ask]
TOO_LARGE = "x" * 70_000


def _forbidden(stage: Stage, operation: Operation) -> Ask:
    # Anybody with a role may bid.
    return stage.good(operation).but(token=stage.person() if operation.id == "placeBid" else stage.anna)


def _malformed(stage: Stage, operation: Operation) -> Ask:
    ask = stage.good(operation)
    if operation.method in {"POST", "PUT"}:
        # Also where there need not be a body.
        return ask.but(body={"what": "is this"})
    if "user_id" in ask.parts:
        return ask.but(parts={"user_id": "x" * 129})
    return ask.but(query={"limit": 0})


def _not_open_yet(stage: Stage, operation: Operation) -> Ask:
    seller = stage.person("seller")
    auction_id = stage.open(seller, starts_in_ms=LONG_MS)
    if operation.id == "cancelAuction":
        # That may be called off; one that was sold may not.
        auction_id = stage.open(seller)
        stage.bid(auction_id, stage.anna, 1_000)
        stage.act(auction_id, seller, "close")
    ask = stage.good(operation)
    return ask.but(parts={"auction_id": auction_id}, token=stage.anna if operation.id == "placeBid" else seller)


def _short(stage: Stage, operation: Operation) -> Ask:
    """On a platform without a hammer, so that it has ended and nobody closed it."""
    ask = stage.good(operation)
    seller = stage.person("seller")
    auction_id = stage.open(seller, duration_ms=1_000, ending="sudden_death")
    return ask.but(parts={"auction_id": auction_id}, token=stage.anna if operation.id == "placeBid" else seller)


def _bid(stage: Stage, operation: Operation, **bid: Any) -> Ask:
    body = {"bid_id": "b-1", "amount": 1_000, **bid}
    return Ask(operation, stage.anna, body, {"auction_id": stage.open()})


def _reused(stage: Stage, operation: Operation) -> Ask:
    ask = _bid(stage, operation)
    stage.bid(ask.parts["auction_id"], stage.anna, 1_000, bid_id="b-1")
    return ask.but(body={"bid_id": "b-1", "amount": 2_000})


def _own(stage: Stage, operation: Operation) -> Ask:
    ask = _bid(stage, operation)
    seller = stage.person("seller")
    return ask.but(token=seller, parts={"auction_id": stage.open(seller)})


def _leading(stage: Stage, operation: Operation) -> Ask:
    ask = _bid(stage, operation, bid_id="b-9", amount=2_000)
    stage.bid(ask.parts["auction_id"], stage.anna, 1_000)
    return ask


def _hard_stop(stage: Stage, operation: Operation) -> Ask:
    seller = stage.person("seller")
    auction_id = stage.open(seller, duration_ms=LONG_MS, max_total_ms=LONG_MS)
    return Ask(operation, seller, {"by_ms": 60_000}, {"auction_id": auction_id})


def _never_paused(stage: Stage, operation: Operation) -> Ask:
    seller = stage.person("seller")
    return Ask(operation, seller, parts={"auction_id": stage.open(seller)})


WAYS: dict[str, Way] = {
    "unauthenticated": lambda stage, operation: stage.good(operation).but(token="nonsense"),
    "banned": lambda stage, operation: stage.good(operation).but(token=stage.banned()[0]),
    "forbidden": _forbidden,
    "auction_not_found": lambda stage, operation: stage.good(operation).but(parts={"auction_id": "auc_none"}),
    "not_found": lambda stage, operation: stage.good(operation).but(parts={"user_id": f"usr_{time.time_ns()}"}),
    "invalid_request": _malformed,
    "too_large": lambda stage, operation: stage.good(operation).but(body=TOO_LARGE),
    "rate_limited": lambda stage, operation: stage.good(operation),
    "bid_id_reused": _reused,
    "auction_not_open": _not_open_yet,
    "auction_ended": _short,
    "bidder_is_seller": _own,
    "bidder_blocked": _bid,
    "buy_now_unavailable": lambda stage, operation: _bid(stage, operation, kind="buy_now"),
    "already_leading": _leading,
    "bid_too_low": lambda stage, operation: _bid(stage, operation, amount=999),
    "auction_not_paused": _never_paused,
    "hard_stop_reached": _hard_stop,
}
