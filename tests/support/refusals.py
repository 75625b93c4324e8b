"""For each refusal code, a request that is refused with it: a valid request, changed to cause the refusal."""

import time
from collections.abc import Callable
from typing import Any

from blytz.auction.model import MAX_PRE_BIDS
from blytz.show.following.model import MAX_FOLLOWED
from blytz.show.images.model import MAX_IMAGE_BYTES, MAX_IMAGES
from blytz.show.model import MAX_LOTS, MAX_RUNS
from blytz.show.people.model import MAX_APPROVALS, MAX_BLOCKS, MAX_MODERATORS
from blytz.show.reports.model import MAX_REPORTS
from blytz.show.templates.model import MAX_TEMPLATES
from tests.support.example_runner import LONG_MS, ExampleRunner
from tests.support.examples_around_shows import make
from tests.support.operations import Ask, Operation
from tests.support.refusals_of_chat import WAYS_OF_CHAT, draft, many_muted

Way = Callable[[ExampleRunner, Operation], Ask]
TOO_LARGE = "x" * 200_000


def _forbidden(runner: ExampleRunner, operation: Operation) -> Ask:
    if operation.id == "joinVideo":
        return runner.good(operation).but(token=runner.anna, body={"role": "host"})
    # Anybody with a role may bid, buy and speak.
    is_bid = operation.id in {"placeBid", "placePreBid", "createPurchase", "sayInShow"}
    return runner.good(operation).but(token=runner.person() if is_bid else runner.anna)


def _malformed(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    if operation.method in {"POST", "PUT", "PATCH"} and operation.id != "createImage":
        # Also for calls whose body is optional.
        return ask.but(body={"what": "is this"})
    if "user_id" in ask.parts:
        return ask.but(parts={**ask.parts, "user_id": "x" * 129})
    return ask.but(query={"limit": 0})


def _not_open_yet(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    auction_id = runner.open(seller, starts_in_ms=LONG_MS)
    if operation.id == "cancelAuction":
        # A scheduled auction may be cancelled; a sold one may not.
        auction_id = runner.open(seller)
        runner.bid(auction_id, runner.anna, 1_000)
        runner.act(auction_id, seller, "close")
    ask = runner.good(operation)
    return ask.but(parts={"auction_id": auction_id}, token=runner.anna if operation.id == "placeBid" else seller)


def _short(runner: ExampleRunner, operation: Operation) -> Ask:
    """An auction that has ended and is not closed, on a platform without a hammer."""
    ask = runner.good(operation)
    seller = runner.person("seller")
    auction_id = runner.open(seller, duration_ms=1_000, ending="sudden_death")
    return ask.but(parts={"auction_id": auction_id}, token=runner.anna if operation.id == "placeBid" else seller)


def _bid(runner: ExampleRunner, operation: Operation, **bid: Any) -> Ask:
    body = {"bid_id": "b-1", "amount": 1_000, **bid}
    return Ask(operation, runner.anna, body, {"auction_id": runner.open()})


def _reused(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = _bid(runner, operation)
    runner.bid(ask.parts["auction_id"], runner.anna, 1_000, bid_id="b-1")
    return ask.but(body={"bid_id": "b-1", "amount": 2_000})


def _key_reused(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation).but(key="k-1")
    # A key belongs to its user, whatever it was used for.
    runner.open(ask.token, key="k-1")
    return ask


def _own(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = _bid(runner, operation)
    seller = runner.person("seller")
    return ask.but(token=seller, parts={"auction_id": runner.open(seller)})


def _own_lot(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    return runner.good(operation).but(token=seller, parts={"lot_id": runner.lot(runner.show(seller), seller)})


def _fixed(runner: ExampleRunner, operation: Operation) -> Ask:
    """A pre-bid on a lot at a fixed price."""
    return runner.good(operation).but(parts={"lot_id": runner.fixed_lot(is_open=False)})


def _auctioned(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    return runner.good(operation).but(parts={"lot_id": runner.lot(runner.show(seller), seller)})


def _not_open(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    lot_id = runner.fixed_lot(seller, is_open=False)
    ask = runner.good(operation)
    return ask.but(parts={"lot_id": lot_id}, token=seller if operation.id == "closeLot" else ask.token)


def _three_units(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation, "at a fixed price")
    runner.change_catalogue("UPDATE lots SET quantity = 3 WHERE lot_id = ?", ask.parts["lot_id"])
    return ask


def _bought(runner: ExampleRunner, operation: Operation, asked: int = 1, **terms: Any) -> Ask:
    """A purchase after one of the same buyer."""
    ask = runner.good(operation).but(parts={"lot_id": runner.fixed_lot(**terms)})
    assert runner.send(ask).status_code == 201
    return ask.but(body={"purchase_id": "order-2", "quantity": asked})


def _offer_closed(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    lot_id = runner.fixed_lot(seller)
    runner.act(lot_id, seller, "close", of="lots")
    return runner.good(operation).but(parts={"lot_id": lot_id})


def _required(runner: ExampleRunner, operation: Operation, requires: str) -> Ask:
    if operation.id != "createPurchase":
        return _bid(runner, operation)
    return runner.good(operation).but(parts={"lot_id": runner.fixed_lot(requires=requires)})


def _own_offer(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    return runner.good(operation).but(parts={"lot_id": runner.fixed_lot(seller)}, token=seller)


def _too_low(runner: ExampleRunner, operation: Operation) -> Ask:
    if operation.id == "placePreBid":
        return runner.good(operation).but(body={"amount": 999})
    return _bid(runner, operation, amount=999)


def _blocked(runner: ExampleRunner, operation: Operation) -> Ask:
    """For a bid, the caller of this puts the bidder into the auction's own list."""
    if operation.id == "placeBid":
        return _bid(runner, operation)
    ask, seller = runner.good(operation), runner.person("seller")
    make(runner, "blockUser", seller, None, {"user_id": runner.user_id(ask.token)})
    is_bid = operation.id == "placePreBid"
    lot_id = runner.lot(runner.show(seller), seller) if is_bid else runner.fixed_lot(seller)
    return ask.but(parts={"lot_id": lot_id})


def _own_follow(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    return ask.but(parts={"user_id": runner.user_id(ask.token)})


def _leading(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = _bid(runner, operation, bid_id="b-9", amount=2_000)
    runner.bid(ask.parts["auction_id"], runner.anna, 1_000)
    return ask


def _hard_stop(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    auction_id = runner.open(seller, duration_ms=LONG_MS, max_total_ms=LONG_MS)
    return Ask(operation, seller, {"by_ms": 60_000}, {"auction_id": auction_id})


def _never_paused(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    return Ask(operation, seller, parts={"auction_id": runner.open(seller)})


def _show_in_state(status: str) -> Way:
    def ask(runner: ExampleRunner, operation: Operation) -> Ask:
        good = runner.good(operation)
        change = "UPDATE shows SET status = ?, started_at = 1, ended_at = ? WHERE show_id = ?"
        runner.change_catalogue(
            change, status, 1 if status in {"ended", "cancelled"} else None, good.parts["show_id"]
        )
        return good.but(body={"scheduled_at": None}) if operation.id == "changeShow" else good

    return ask


def _not_in_queue(runner: ExampleRunner, operation: Operation) -> Ask:
    """Sold, because removing a removed one changes nothing; one that waits cannot come up again."""
    ask = runner.good(operation)
    status = "queued" if operation.id == "rerunLot" else "sold"
    runner.change_catalogue("UPDATE lots SET status = ? WHERE lot_id = ?", status, ask.parts["lot_id"])
    return ask


def _open_lot(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    assert runner.send(ask).status_code == 200
    return ask


_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
_FOLLOWING = ("following (user_id, kind, followed_id)", "?2, 'show', i", MAX_FOLLOWED)
_ROWS = {
    "createReport": (
        "reports (report_id, show_id, by_id, by_name, at, reason, text)",
        "?2 || i, ?2, 'BY', 'Ann', 1, 'spam', ''",
        MAX_REPORTS,
    ),
    "followSeller": _FOLLOWING,
    "bookmarkShow": _FOLLOWING,
    "createTemplate": (
        "terms_templates (template_id, seller_id, name, terms)",
        "?2 || i, ?2, 'n' || i, '{}'",
        MAX_TEMPLATES,
    ),
    "createImage": (
        "images (image_id, seller_id, hash, width, height, bytes, created_at)",
        "?2 || i, ?2, i, 1, 1, 1, 1",
        MAX_IMAGES,
    ),
    "nameModerator": ("moderators (show_id, user_id, name, named_at)", "?, 'm' || i, 'Mo', 1", MAX_MODERATORS),
    "setApproval": ("approvals (show_id, user_id)", "?, 'b' || i", MAX_APPROVALS),
    "blockUser": ("blocks (seller_id, user_id, blocked_at)", "?, 'b' || i, 1", MAX_BLOCKS),
}


def _too_many(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    if operation.id == "muteUser":
        return many_muted(runner, operation)
    if operation.id in _ROWS:
        columns, values, most = _ROWS[operation.id]
        if operation.id == "createReport":
            values = values.replace("BY", runner.user_id(ask.token))
        is_of_show = operation.id in {"nameModerator", "setApproval", "createReport"}
        owner = ask.parts["show_id"] if is_of_show else runner.user_id(ask.token)
        statement = f"INSERT INTO {columns} {_NUMBERS} SELECT {values} FROM n"  # noqa: S608 # ours
        runner.change_catalogue(statement, most, owner, rows=most)
        return ask
    if operation.id == "placePreBid":
        runner.change_catalogue("UPDATE lots SET pre_bids = ? WHERE lot_id = ?", MAX_PRE_BIDS, ask.parts["lot_id"])
        return ask
    if operation.id != "addLot":
        runner.change_catalogue("UPDATE lots SET run = ? WHERE lot_id = ?", MAX_RUNS, ask.parts["lot_id"])
        return ask
    lot_id = runner.lot(ask.parts["show_id"], ask.token)
    runner.change_catalogue("UPDATE lots SET number = ? WHERE lot_id = ?", MAX_LOTS, lot_id)
    return ask


def _old_version(runner: ExampleRunner, operation: Operation) -> Ask:
    stale = {"lot_ids": []} if operation.id == "orderQueue" else {"title": "A", "version": 99}
    return runner.good(operation).but(body=stale)


def _about_nothing(part: str) -> Way:
    def ask(runner: ExampleRunner, operation: Operation) -> Ask:
        good = runner.good(operation)
        return good.but(parts={**good.parts, part: "none"})

    return ask


def _name_taken(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    make(runner, "createTemplate", ask.token, {"name": ask.body["name"], "terms": {}}, {})
    return ask


WAYS: dict[str, Way] = {
    "show_not_found": _about_nothing("show_id"),
    "lot_not_found": _about_nothing("lot_id"),
    "template_not_found": _about_nothing("template_id"),
    "report_not_found": _about_nothing("report_id"),
    "name_taken": _name_taken,
    "show_scheduled": _show_in_state("scheduled"),
    "show_started": _show_in_state("live"),
    # Ending a show that has ended changes nothing.
    "show_over": lambda runner, operation: _show_in_state("cancelled" if operation.id == "endShow" else "ended")(
        runner, operation
    ),
    "show_not_live": lambda runner, operation: (
        draft if operation.id in {"muteUser", "unmuteUser", "announceInShow"} else _show_in_state("scheduled")
    )(runner, operation),
    **WAYS_OF_CHAT,
    "message_not_found": _about_nothing("message_id"),
    "lot_not_queued": _not_in_queue,
    "lot_already_open": _open_lot,
    "lot_not_open": _not_open,
    "lot_not_auctioned": _fixed,
    "lot_not_fixed_price": _auctioned,
    "quantity_not_one": _three_units,
    "offer_not_open": _offer_closed,
    "buyer_is_seller": _own_offer,
    "sold_out": lambda runner, operation: _bought(runner, operation, asked=2, quantity=3),
    "per_buyer_reached": _bought,
    "purchase_id_reused": lambda runner, operation: _bought(runner, operation).but(
        body={"purchase_id": "order-1", "quantity": 1}
    ),
    "version_conflict": _old_version,
    "too_many": _too_many,
    "unauthenticated": lambda runner, operation: runner.good(operation).but(token="nonsense"),
    "banned": lambda runner, operation: runner.good(operation).but(token=runner.banned()[0]),
    "forbidden": _forbidden,
    "auction_not_found": lambda runner, operation: runner.good(operation).but(parts={"auction_id": "auc_none"}),
    "not_found": lambda runner, operation: runner.good(operation).but(parts={"user_id": f"usr_{time.time_ns()}"}),
    "invalid_request": _malformed,
    "too_large": lambda runner, operation: runner.good(operation).but(
        body=bytes(MAX_IMAGE_BYTES + 1) if operation.id == "createImage" else TOO_LARGE
    ),
    "image_invalid": lambda runner, operation: runner.good(operation).but(body=b"not an image"),
    "rate_limited": lambda runner, operation: runner.good(operation),
    "bid_id_reused": _reused,
    "idempotency_key_reused": _key_reused,
    "auction_not_open": _not_open_yet,
    "auction_ended": _short,
    "bidder_is_seller": lambda runner, operation: (_own_lot if operation.id == "placePreBid" else _own)(
        runner, operation
    ),
    "bidder_blocked": _blocked,
    "own_follow": _own_follow,
    "bidder_not_approved": lambda runner, operation: _required(runner, operation, "approval"),
    "card_required": lambda runner, operation: _required(runner, operation, "card"),
    "buy_now_unavailable": lambda runner, operation: _bid(runner, operation, kind="buy_now"),
    "already_leading": _leading,
    "bid_too_low": _too_low,
    "auction_not_paused": _never_paused,
    "hard_stop_reached": _hard_stop,
}
