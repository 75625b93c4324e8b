"""What the terminal shows of lots at a fixed price, at every size."""

import io
from typing import Any

import pytest
from rich.console import Console

from blytz.cli.show.lines import lot_line
from blytz.cli.watch.output import line_of
from blytz.cli.watch.show_scene import ShowScene
from blytz.cli.watch.show_view import render_show
from tests.support.watch_scenes import NOW
from tests.support.watch_shows import fixed_lot, on_sale, show_event, show_scene

OPENED = show_event(10, "lot_opened", lot=fixed_lot(4, "open"), auction_id="ofr_of_4")


def drawn(of: ShowScene, width: int = 90, height: int = 24) -> str:
    console = Console(width=width, height=height, file=io.StringIO(), record=True, force_terminal=True)
    console.print(render_show(of, width, height))
    return console.export_text()


def watched(*events: dict[str, Any], **changes: Any) -> ShowScene:
    """The third lot, an auction, is over."""
    closed = show_event(9 + 1, "lot_closed", lot=fixed_lot(3, "passed"), outcome="cancelled", winner=None, price=0)
    numbered = [{**event, "seq": 11 + index} for index, event in enumerate(events)]
    made = show_scene(closed, *numbered, **changes)
    made.choose(lambda _: None)
    return made


def opened_on_sale(at: int) -> dict[str, Any]:
    lot = fixed_lot(4, "open")
    return {**OPENED, "at": at, "lot": lot | {"terms": on_sale(lot["terms"])}}


@pytest.mark.parametrize("width", [36, 60, 90, 150])
def test_a_queued_lot_is_listed_with_its_units_and_its_price(width: int) -> None:
    made = show_scene(show_event(10, "lot_changed", lot=fixed_lot(4)))
    assert "3 x $10.00" in drawn(made, width)


@pytest.mark.parametrize("width", [36, 60, 90, 150])
@pytest.mark.parametrize("height", [8, 12, 24, 40])
def test_an_open_lot_shows_title_price_and_what_is_left(width: int, height: int) -> None:
    text = drawn(watched(OPENED), width, height)
    lines = text.splitlines()
    assert len(lines) == height
    assert all(line.startswith(("│", "╭", "╰")) for line in lines)
    assert "#4 Tea bowl 4" in text
    assert "3 of 3 left" in text
    assert "comes up" not in text
    assert "$10.00" in text or height > 12


def test_a_purchase_changes_what_is_left_and_says_of_which_lot() -> None:
    bought = show_event(11, "purchase", lot_id="lot_4", left=1, lot=fixed_lot(4, "open", left=1))
    text = drawn(watched(OPENED, bought))
    assert "1 of 3 left" in text
    assert "#4 Tea bowl 4 bought; 1 left" in text


def test_a_sale_price_runs_out_and_a_pause_keeps_what_is_left_of_it() -> None:
    at = NOW - 60_000
    assert "sale ends in 9:00, then $10.00" in drawn(watched(opened_on_sale(at)), 90, 12)
    paused = show_event(11, "show_paused", reason="seller", at=at + 15_000)
    assert "sale ends in 9:45, then $10.00" in drawn(watched(opened_on_sale(at), paused), 90, 12)
    resumed = show_event(12, "show_resumed", at=at + 45_000)
    assert "sale ends in 9:30, then $10.00" in drawn(watched(opened_on_sale(at), paused, resumed), 90, 12)
    over = drawn(watched(opened_on_sale(NOW - 600_000)), 90, 12)
    assert "sale" not in over
    assert "$10.00" in over


def test_without_having_seen_the_opening_the_sale_has_no_clock() -> None:
    lot = fixed_lot(4, "open")
    text = drawn(watched(show_event(10, "lot_changed", lot=lot | {"terms": on_sale(lot["terms"])})), 90, 12)
    assert "$8.00 in the first 10:00" in text


@pytest.mark.parametrize(
    ("status", "outcome", "left", "shown", "told"),
    [
        ("sold", "sold", 0, "sold out", "#4 Tea bowl 4 is sold out"),
        ("sold", "sold", 1, "2 of 3 sold", "#4 Tea bowl 4 is closed; 2 of 3 sold for $10.00 each"),
        ("unsold", "unsold", 3, "not sold", "#4 Tea bowl 4 was not sold"),
    ],
)
def test_a_lot_that_is_over_says_how_it_ended(status: str, outcome: str, left: int, shown: str, told: str) -> None:
    made = watched(OPENED)
    closed = show_event(
        12, "lot_closed", lot=fixed_lot(4, status, left=left), outcome=outcome, winner=None, price=1_000
    )
    made.topic.take(closed)
    made.on_message(closed)
    assert line_of(made, closed) == told
    assert shown in drawn(made, 90, 12)
    assert "nobody yet" not in drawn(made)


@pytest.mark.parametrize(
    ("lot", "says"),
    [
        (fixed_lot(4), "queued, 3 x $10.00"),
        (fixed_lot(4, "open", left=2), "open as ofr_of_4, $10.00, 2 of 3 left"),
        (fixed_lot(4, "sold", left=0, price=1_000), "sold out, 3 x $10.00"),
        (fixed_lot(4, "sold", left=1, price=1_000), "sold, 2 of 3 for $10.00 each"),
        (fixed_lot(4, "unsold"), "unsold"),
    ],
)
def test_a_queue_in_words_says_what_a_unit_costs_and_how_many_there_are(lot: dict[str, Any], says: str) -> None:
    assert lot_line(lot).endswith(f"Tea bowl 4  {says}")


def test_between_two_lots_the_next_one_is_to_come() -> None:
    made = show_scene(open_lots=[])
    made.lot_scene.topic = None
    assert "the next lot comes up in a moment" in drawn(made)
