"""What `blytz watch` draws, at every terminal size."""

import io
from typing import Any

import pytest
from rich.console import Console

from blytz.cli.watch.scene import Link, Scene
from blytz.cli.watch.view import duration, render
from tests.support.watch_scenes import JONAS, NOW, event, scene


def drawn(of: Scene, width: int = 80, height: int = 24, *, styled: bool = False) -> list[str]:
    console = Console(
        width=width, height=height, file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor"
    )
    console.print(render(of, width, height))
    return console.export_text(styles=styled).splitlines()


def after(*events: dict[str, Any], **changes: Any) -> Scene:
    made = scene(**changes)
    for each in events:
        made.on_message(each)
    return made


def of_every_kind() -> list[Scene]:
    bids = [
        event(seq, price=100_000 + seq * 1_000, bidder=JONAS if seq % 3 else event(1)["leader"])
        for seq in range(2, 40)
    ]
    return [
        Scene(),
        scene(),
        after(*bids),
        scene(
            title="Ein sehr langer Titel mit 全角文字 und mehr, als in eine Zeile passt, jedenfalls in den meisten"
        ),
        scene(price=0, minimum=100, leader=None, bid_count=0, buy_now_price=None),
        scene(price=1_000_000_000_000, minimum=1_000_000_000_000, terms={"currency": "XXX"}),
        scene(status="paused", ends_at=None, remaining_ms=33_300),
        scene(status="scheduled", starts_at=NOW + 4_000_000, ends_at=None, opened_at=None, price=0, leader=None),
        scene(status="sold"),
        scene(status="unsold", leader=None, price=0, bid_count=0),
        scene(status="cancelled"),
    ]


@pytest.mark.parametrize("width", [20, 30, 39, 40, 59, 60, 79, 80, 120, 200])
@pytest.mark.parametrize("height", [8, 12, 16, 24, 50])
def test_the_frame_has_exactly_the_size_of_the_terminal(width: int, height: int) -> None:
    for each in of_every_kind():
        lines = drawn(each, width, height)
        assert len(lines) == height
        assert lines[0].startswith("╭")
        assert lines[-1] == "╰" + "─" * (width - 2) + "╯"


def test_everything_fits_80x24() -> None:
    text = "\n".join(drawn(after(event(2, price=125_050))))

    for wanted in (
        "Hand-thrown tea bowl, celadon glaze",
        "leading Maya Rosen",
        "next bid $1,300.00",
        "✗ below reserve",
        "buy now $5,000.00",
        "23 bids · 104 watching",
        "$1,250.50",
        "● live",
        "server clock +12 ms · round trip 3 ms",
    ):
        assert wanted in text


def test_the_price_is_drawn_big_where_it_fits_and_as_text_otherwise() -> None:
    assert "█▀▀ ▀▀█" in "\n".join(drawn(scene(), 80, 24))
    assert "$1,250.50" in "\n".join(drawn(scene(), 30, 24))
    assert "$1,250.50" in "\n".join(drawn(scene(), 80, 12))
    assert "0:42" in "\n".join(drawn(scene(), 40, 24))


def test_the_newest_bids_are_first_and_the_oldest_are_cut() -> None:
    made = after(*(event(seq, price=seq * 100) for seq in range(1, 60)))
    lines = [line for line in drawn(made) if "Maya Rosen  " in line and ":" in line]
    assert "$59.00" in lines[0]
    assert "$58.00" in lines[1]
    assert 5 < len(lines) < 20


def test_a_bid_that_is_outbid_at_once_is_marked() -> None:
    assert "Jonas Weber" in (
        line := next(line for line in drawn(after(event(2, bidder=JONAS))) if "outbid at once" in line)
    )
    assert "$1,250.50" in line


def test_an_extension_is_shown_in_red_for_a_while() -> None:
    made = after(event(2, extended=True))
    assert "extended" in "\n".join(drawn(made))
    assert any("\x1b[1;31m" in line and "extended" in line for line in drawn(made, styled=True))
    made.now_ms = NOW + 4_000
    assert "extended" not in "\n".join(drawn(made))


def test_the_last_ten_seconds_are_red_with_tenths() -> None:
    made = scene(ends_at=NOW + 4_360)
    text = "\n".join(drawn(made, 80, 12))
    assert "4.3" in text
    assert "\x1b[31m╭" in "\n".join(drawn(made, 80, 12, styled=True))


def test_a_stale_connection_is_shown() -> None:
    made = scene()
    made.link = Link("stale", offset_ms=12.0, round_trip_ms=3.0, silent_s=7.2)
    assert "● stale: nothing received for 7 s" in "\n".join(drawn(made))
    made.link = Link("connecting")
    assert "● connecting…" in "\n".join(drawn(made))


def test_a_store_outage_is_shown_until_the_next_event() -> None:
    made = after({"type": "error", "code": "store_unavailable", "detail": ""})
    assert "no bid can be decided now" in "\n".join(drawn(made))
    made.on_message(event(2))
    assert "no bid can be decided now" not in "\n".join(drawn(made))


@pytest.mark.parametrize("width", [36, 60, 90, 150])
def test_the_reserve_is_shown_only_where_there_is_one(width: int) -> None:
    nobody = {"leader": None, "price": 0, "minimum": 100, "bid_count": 0}
    assert "reserve" not in "\n".join(drawn(after(reserve_met=True, **nobody), width))
    assert "reserve" not in "\n".join(drawn(after(event(2, reserve_met=True), reserve_met=True), width))
    assert "✗ below reserve" in "\n".join(drawn(after(reserve_met=False, **nobody), width))
    assert "✓ reserve met" in "\n".join(drawn(reached(after(reserve_met=False)), width))


def test_a_reserve_that_was_met_before_is_known_by_the_events_before() -> None:
    made = after(reserve_met=True)
    made.past([event(1, "opened", reserve_met=False), event(2, reserve_met=True)])
    assert "✓ reserve met" in "\n".join(drawn(made))
    assert made.topic is not None
    made.follow(made.topic)
    assert "reserve met" not in "\n".join(drawn(made))


def test_an_auction_without_a_bid_ends_in_plain_words() -> None:
    nobody = {"leader": None, "price": 0, "minimum": 100, "bid_count": 0}
    text = "\n".join(drawn(scene(status="unsold", reserve_met=True, **nobody)))
    assert "not sold: no bid" in text
    assert "nobody yet" not in text
    assert "nobody yet" not in "\n".join(drawn(scene(status="cancelled", **nobody)))


def reached(made: Scene) -> Scene:
    """The reserve is met from here on."""
    assert made.topic is not None
    assert made.topic.state is not None
    made.on_message(event(2, reserve_met=True))
    made.topic.state = made.topic.state | {"reserve_met": True}
    return made


def test_a_final_auction_names_the_winner() -> None:
    text = "\n".join(drawn(scene(status="sold", price=5_000, reserve_met=True)))
    assert "SOLD" in text
    assert "won by Maya Rosen" in text
    assert "next bid" not in text


def test_earlier_bids_are_listed_once_in_their_order() -> None:
    made = after(event(5, price=500))
    made.past([event(3, price=300), event(4, "ceiling_raised"), event(5, price=500)])
    assert [line.seq for line in made.bids] == [3, 5]


@pytest.mark.parametrize(
    ("ms", "shown"), [(0, "0.0"), (9_999, "9.9"), (10_000, "0:10"), (65_000, "1:05"), (3_723_000, "1:02:03")]
)
def test_durations_are_formatted(ms: float, shown: str) -> None:
    assert duration(ms) == shown


@pytest.mark.parametrize("width", [20, 30, 60, 100])
def test_text_of_other_users_does_not_affect_the_rest_of_the_screen(width: int) -> None:
    text = "\u05e9\u05dc\u05d5\u05dd\u202e\x9b2J " * 4
    party = {"id": "usr_1", "name": text}
    made = after(event(2, bidder=party, leader=party), title=text, leader=party)
    for line in drawn(made, width):
        assert "\u202e" not in line
        assert "\x9b" not in line
        assert line.count("\u2068") == line.count("\u2069")
    assert any("\u2068" in line for line in drawn(made, width))
