"""What a snapshot of a show has, and what events do to it."""

from typing import Any

import msgspec

from blytz.show.events.view import MAX_LOTS_SHOWN, MAX_MESSAGES, ShowView
from tests.support.show_json import Json, lot_json, show_json


def view(*lots: Json, **fields: Any) -> ShowView:
    return ShowView("shw_1", 0, "e1", show_json(), lots, **fields)


def apply(shown: ShowView, kind: str, **members: Any) -> Json:
    shown.apply({"seq": shown.seq + 1, "at": 1_000, "kind": kind, "show_id": "shw_1", **members})
    public: Json = msgspec.json.decode(shown.encode())
    return public


def message(number: int) -> Json:
    return {
        "message_id": f"m{number}",
        "user": {"id": "usr_a", "name": "Anna", "badge": None},
        "text": str(number),
    }


def test_lots_are_listed_in_the_order_of_the_queue() -> None:
    shown = view(lot_json(1), lot_json(2), lot_json(3))
    public = apply(shown, "queue_changed", positions={"lot_1": 99, "lot_gone": 1})
    assert [lot["lot_id"] for lot in public["lots"]] == ["lot_2", "lot_3", "lot_1"]


def test_of_many_lots_those_that_are_open_or_to_come_are_shown_first() -> None:
    lots = [lot_json(number, status="sold") for number in range(1, 301)]
    shown = view(*lots, lot_json(301, status="open", position=0), *(lot_json(n) for n in range(302, 312)))
    ids = [lot["number"] for lot in msgspec.json.decode(shown.encode())["lots"]]
    assert len(ids) == MAX_LOTS_SHOWN
    assert ids == [301, *range(112, 301), *range(302, 312)]


def test_lots_with_long_texts_do_not_make_a_snapshot_too_large_for_a_connection() -> None:
    image = "https://images.example/" + "x" * 2_000
    lots = [
        lot_json(number, images=[image], status="open" if number == 200 else "queued") for number in range(1, 201)
    ]
    text = view(*lots).encode()
    ids = [lot["number"] for lot in msgspec.json.decode(text)["lots"]]
    assert len(text) < 125_000
    assert ids == [*range(1, len(ids)), 200]


def test_only_the_last_messages_are_kept_and_a_removed_one_is_gone() -> None:
    shown = view()
    for number in range(MAX_MESSAGES + 5):
        apply(shown, "message", **message(number))
    public = apply(shown, "message_removed", message_id="m20")
    assert [each["message_id"] for each in public["messages"]] == [
        f"m{number}" for number in range(5, MAX_MESSAGES + 5) if number != 20
    ]
    assert public["messages"][0] == {"seq": 6, "at": 1_000, **message(5)}


def test_a_lot_that_was_opened_and_closed_before_anybody_asked_is_known_once() -> None:
    shown = view(lot_json(1))
    apply(shown, "lot_opened", lot=lot_json(1, status="open", auction_id="auc_1"), auction_id="auc_1")
    assert shown.open_topics() == {"auction:auc_1"}
    apply(shown, "lot_closed", lot=lot_json(1, status="sold", auction_id="auc_1"))
    assert not shown.open_topics()
    assert shown.take_opened() == {"auction:auc_1"}
    assert not shown.take_opened()


def test_a_show_that_becomes_a_rehearsal_is_for_its_seller_and_moderators() -> None:
    shown = view(moderators=[{"id": "usr_mo", "name": "Mo"}])
    seen = []
    for visibility in ("public", "rehearsal", "unlisted"):
        apply(shown, "show_changed", show=show_json(visibility=visibility))
        seen.append(shown.readers)
    assert seen == [None, {"usr_sam", "usr_mo"}, None]


def test_an_offer_has_no_topic_to_follow() -> None:
    shown = view(lot_json(1))
    apply(shown, "lot_opened", lot=lot_json(1, status="open", auction_id="ofr_1"), auction_id="ofr_1")
    assert not shown.open_topics()
    assert not shown.take_opened()
