"""What `blytz watch` writes without a terminal."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from blytz.cli.watch.output import Json, Lines, Output, Screen, output, summary
from blytz.cli.watch.scene import Scene
from tests.support.watch_scenes import JONAS, event, scene, state


def written(kind: type[Lines | Json], of: Scene, *messages: dict[str, Any]) -> list[str]:
    file = io.StringIO()
    out: Output = kind(Console(file=file, width=40))
    out.open()
    for message in messages:
        of.on_message(message)
        out.on_message(of, message)
        out.draw(of)
    out.close(of)
    return file.getvalue().splitlines()


def snapshot() -> dict[str, Any]:
    return {"type": "snapshot", "topic": "auction:auc_1", "epoch": "e", "seq": 1, "state": state()}


def test_each_event_is_one_line() -> None:
    lines = written(
        Lines,
        scene(),
        snapshot(),
        {"type": "viewers", "count": 3},
        event(2),
        event(3, bidder=JONAS, extended=True, bid_count=24),
        event(4, "ceiling_raised"),
        event(5, "paused"),
        event(6, "extended_by_seller", reason="outage"),
        {"type": "error", "code": "store_unavailable", "detail": "The auction store cannot be reached"},
        event(7, "sold"),
    )
    assert [line[10:] for line in lines] == [
        "Hand-thrown tea bowl, celadon glaze: open, Maya Rosen leads with $1,250.50, next bid $1,300.00",
        "connection live",
        "bid #23  $1,250.50  Maya Rosen, 0:42 left",
        "bid #24  $1,250.50  Maya Rosen stays ahead of Jonas Weber, 0:42 left (extended)",
        "Maya Rosen raises a hidden maximum, 0:42 left",
        "paused",
        "time lost in an outage given back, 0:42 left",
        "store_unavailable: The auction store cannot be reached",
        "SOLD to Maya Rosen for $1,250.50",
    ]


def test_json_output_has_one_message_per_line() -> None:
    messages = [snapshot(), event(2), {"type": "viewers", "topic": "auction:auc_1", "count": 3}]
    lines = [json.loads(line) for line in written(Json, scene(), *messages)]
    assert [line for line in lines if line["type"] != "connection"] == messages
    assert {"type": "connection", "state": "live", "offset_ms": 12.0} in lines


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": "sold"}, "sold to Maya Rosen for $1,250.50"),
        ({"status": "unsold"}, "not sold, highest bid $1,250.50"),
        ({"status": "unsold", "leader": None}, "not sold, without a bid"),
        ({"status": "cancelled"}, "called off"),
        ({"leader": None, "minimum": 100}, "open, no bids yet, starts at $1.00"),
    ],
)
def test_the_state_fits_one_line(changes: dict[str, Any], says: str) -> None:
    assert summary(scene(**changes)) == says


def test_a_terminal_gets_the_screen_and_a_pipe_gets_lines() -> None:
    assert isinstance(output(False, Console(force_terminal=True)), Screen)
    assert isinstance(output(False, Console(file=io.StringIO())), Lines)
    assert isinstance(output(True, Console(force_terminal=True)), Json)


def test_the_terminal_is_restored() -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file, force_terminal=True, width=80, height=24))
    screen.open()
    screen.draw(scene())
    screen.close(scene(status="sold"))

    text = file.getvalue()
    assert text.index("\x1b[?1049h") < text.index("\x1b[?1049l")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert text.endswith("Hand-thrown tea bowl, celadon glaze: sold to Maya Rosen for $1,250.50\n")
