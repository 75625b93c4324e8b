"""What `blytz watch SHOW` draws and writes, at every terminal size."""

import io

import pytest
from rich.console import Console

from blytz.cli.watch.output import Lines
from blytz.cli.watch.show_scene import ShowScene
from blytz.cli.watch.show_view import render_show
from blytz.client.show_topic import ShowTopic
from tests.support.watch_scenes import ID, JONAS, MAYA, NOW, event
from tests.support.watch_shows import SHOW_ID, lot, message, show_event, show_scene, show_snapshot

SHALOM = "שלום\u202e\x9b2J "


def drawn(of: ShowScene, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), record=True, force_terminal=True)
    console.print(render_show(of, width, height))
    return console.export_text().splitlines()


def said(seq: int, text: str, **members: object) -> dict[str, object]:
    return show_event(seq, "message", **{**message(seq, text), **members})


def of_every_kind() -> list[ShowScene]:
    talkative = [said(seq, "a long line of the chat " * 12) for seq in range(10, 40)]
    return [
        ShowScene(ShowTopic(SHOW_ID)),
        show_scene(),
        show_scene(*talkative),
        show_scene(
            title="Ein sehr langer Titel mit 全角文字 und mehr, als in eine Zeile passt, jedenfalls meistens"
        ),
        show_scene(said(10, SHALOM * 8, user={"id": "u", "name": SHALOM, "badge": None})),
        show_scene(status="scheduled", scheduled_at=NOW + 3_700_000, open_lots=[]),
        show_scene(status="draft", open_lots=[]),
        show_scene(status="paused"),
        show_scene(status="ended", open_lots=[]),
        show_scene(status="cancelled", open_lots=[]),
    ]


@pytest.mark.parametrize("width", [20, 39, 60, 77, 78, 80, 120, 200])
@pytest.mark.parametrize("height", [8, 11, 12, 16, 24, 50])
def test_the_frame_has_exactly_the_size_of_the_terminal(width: int, height: int) -> None:
    for each in of_every_kind():
        lines = drawn(each, width, height)
        assert len(lines) == height
        assert lines[0].startswith("╭")
        assert lines[-1] == "╰" + "─" * (width - 2) + "╯"
        for line in lines:
            assert "\u202e" not in line
            assert "\x9b" not in line
            assert line.count("\u2068") == line.count("\u2069")


def test_80x24_shows_the_lot_the_queue_and_the_chat() -> None:
    text = "\n".join(drawn(show_scene(show_event(10, "announcement", text="Free shipping tonight"))))
    for wanted in (
        "LIVE  Pottery night · Atelier Demo",
        "#3 Tea bowl 3",
        "1 of 10 sold",
        "leading Maya Rosen",
        "23 bids · 104 watching",
        "Atelier Demo  Welcome everybody!",
        "Jonas Weber  hello from Bern",
        "Free shipping tonight",
        "#4 Tea bowl 4            $40.00",
        "#2 Tea bowl 2            unsold",
        "● live",
    ):
        assert wanted in text


def test_a_narrow_terminal_shows_the_next_lot_and_the_chat() -> None:
    text = "\n".join(drawn(show_scene(), 60, 20))
    assert "next #4 Tea bowl 4" in text
    assert "hello from Bern" in text


def test_a_bid_changes_the_price_and_stands_beside_the_chat() -> None:
    made = show_scene()
    made.on_message(event(2, price=140_000, bidder=JONAS, leader=JONAS) | {"topic": f"auction:{ID}"})
    assert any("Jonas Weber" in line and "$1,400.00" in line for line in drawn(made))


def test_a_show_to_come_says_when_it_begins() -> None:
    text = "\n".join(drawn(show_scene(status="scheduled", scheduled_at=NOW + 3_700_000, open_lots=[])))
    assert "begins in 1:01:40" in text
    assert "SCHEDULED" in text


def test_a_removed_message_leaves_the_chat() -> None:
    removed = show_event(11, "message_removed", message_id="m10")
    text = "\n".join(drawn(show_scene(said(10, "buy my coins"), removed)))
    assert "buy my coins" not in text
    assert "hello from Bern" in text


def test_a_lot_that_is_removed_or_moved_changes_the_queue() -> None:
    made = show_scene(
        show_event(10, "lot_removed", lot_id="lot_5"),
        show_event(11, "queue_changed", positions={"lot_4": 20}),
        show_event(12, "lot_added", lot=lot(11, position=5, title="Saucer")),
    )
    assert [each["number"] for each in made.lots("queued")] == [11, 6, 7, 8, 9, 10, 4]


def test_a_new_snapshot_repeats_no_message() -> None:
    made = show_scene()
    made.on_message(show_snapshot())
    assert [line.text for line in made.feed] == ["Welcome everybody!", "hello from Bern"]


def test_without_a_terminal_each_event_is_one_line() -> None:
    file = io.StringIO()
    out, made = Lines(Console(file=file, width=40)), show_scene()
    messages = [
        show_snapshot(),
        said(10, "what a glaze"),
        event(2) | {"topic": f"auction:{ID}"},
        show_event(11, "lot_changed", lot=lot(4)),
        show_event(12, "lot_closed", lot=lot(3), outcome="sold", winner=MAYA, price=125_050),
        show_event(13, "lot_closed", lot=lot(2), outcome="unsold", winner=None, price=0),
        show_event(14, "lot_opened", lot=lot(4, "open"), auction_id="auc_of_4"),
        show_event(15, "show_paused", reason="seller"),
        show_event(16, "show_ended"),
    ]
    for each in messages:
        out.on_message(made, each)
    assert [line[10:] for line in file.getvalue().splitlines()] == [
        "Pottery night: live, 1 of 10 lots sold, next #4 Tea bowl 4",
        "Maya Rosen: what a glaze",
        "bid #23  $1,250.50  Maya Rosen, 0:42 left",
        "#3 Tea bowl 3 sold to Maya Rosen for $1,250.50",
        "#2 Tea bowl 2 was not sold",
        "#4 Tea bowl 4 is open",
        "the show is paused, by the seller",
        "the show is over",
    ]
