"""How `blytz watch` draws a `ShowScene`: pure, so that a test can look at it at any size."""

from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from blytz.cli.fixed_price import first_price, is_fixed, sold_units
from blytz.cli.watch.offer_view import offer_facts, offer_figures, offer_in_short
from blytz.cli.watch.scene import display_name
from blytz.cli.watch.show_scene import FeedLine, ShowScene, lot_name
from blytz.cli.watch.view import (
    FRAME,
    bids,
    border,
    clock_time,
    duration,
    facts,
    figures,
    link_line,
    spread,
    truncate,
)
from blytz.kit.money_text import money
from blytz.kit.text import isolated

TWO_COLUMNS: Final = 74
"""Columns within the frame from which on the queue stands beside the chat."""
FEED_SHARE: Final = 0.56
MAX_BIDS: Final = 4
MAX_ROWS_OF_A_MESSAGE: Final = 3
BADGES: Final = {"seller": "bold magenta", "moderator": "bold cyan"}
STYLES: Final = {
    "announcement": "bold yellow",
    "lot_opened": "cyan",
    "lot_sold": "bold green",
    "lot_unsold": "yellow",
    "show": "bold cyan",
}
STATUS_STYLE: Final = {"live": "bold red", "paused": "bold yellow", "scheduled": "bold cyan"}
_WRAP: Final = Console(width=80)
"""Rich wraps text only for a console; the width is given each time."""


def render_show(scene: ShowScene, width: int, height: int) -> RenderableType:
    """A frame of exactly this size."""
    inner = max(10, width - FRAME)
    rows = height - 3
    body: list[RenderableType]
    if scene.state is None:
        body, title = [Text(""), Text("waiting for the show", style="dim")], Text("Blytz")
    else:
        title = _title(scene.state["show"])
        body = _head(scene, inner, height)
        body.append(Rule(style="grey37"))
        body += _below(scene, inner, max(0, rows - len(body)))
    body += [Text("")] * (rows - len(body))
    body = [*body[:rows], link_line(scene.link, inner, store_away=scene.lot_scene.store_away)]
    truncate(title, inner - 2)
    return Panel(
        Group(*body),
        title=title,
        title_align="left",
        border_style=border(scene.lot_scene),
        width=width,
        height=height,
    )


def _title(show: dict[str, Any]) -> Text:
    status = show["status"]
    return Text.assemble(
        (status.upper(), STATUS_STYLE.get(status, "bold")),
        "  ",
        (isolated(show["title"]), "bold"),
        (f" · {display_name(show['seller'])}", "dim"),
    )


def _head(scene: ShowScene, width: int, height: int) -> list[RenderableType]:
    """The lot that is open, or the last one; before the first one when the show begins."""
    assert scene.state is not None
    show, lot = scene.state["show"], scene.lot
    counts = Text(f"{show['lots']['sold']} of {show['lots']['total']} sold", style="dim")
    if lot is None or not (is_fixed(lot) or scene.lot_scene.state):
        watching = Text(f"{scene.topic.viewers} watching", style="dim")
        return [Text(""), spread(_waiting(scene, show), counts, width), spread(Text(""), watching, width)]
    again = f"  run {lot['run']}" if lot["run"] > 1 else ""
    heading = spread(Text.assemble((lot_name(lot), "bold"), (again, "yellow")), counts, width)
    if is_fixed(lot):
        if height < 12:
            return [heading, *offer_in_short(scene, lot, width)]
        return [heading, *offer_figures(scene, lot, width, height), *offer_facts(scene, lot, width)]
    if height < 12:
        return [heading, *figures(scene.lot_scene, width, height)[1:2], *facts(scene.lot_scene, width)[:1]]
    return [heading, *figures(scene.lot_scene, width, height), *facts(scene.lot_scene, width)]


def _waiting(scene: ShowScene, show: dict[str, Any]) -> Text:
    match show["status"]:
        case "scheduled" if show["scheduled_at"] is not None and show["scheduled_at"] > scene.now_ms:
            return Text(f"begins in {duration(show['scheduled_at'] - scene.now_ms)}", style="bold cyan")
        case "scheduled" | "draft":
            return Text("begins soon", style="bold cyan")
        case "ended" | "cancelled":
            return Text("the show is over" if show["status"] == "ended" else "called off", style="bold")
    which = "next" if scene.lots("sold", "unsold", "passed") else "first"
    return Text(f"the {which} lot comes up in a moment", style="bold")


def _below(scene: ShowScene, width: int, room: int) -> list[RenderableType]:
    if width < TWO_COLUMNS:
        coming = _next_lot(scene, width) if room > 3 else []
        return [*coming, *_feed(scene, width, room - len(coming))]
    left = int(width * FEED_SHARE)
    right = width - left - 3
    said, beside = _feed(scene, left, room), _beside(scene, right, room)
    said += [Text("")] * (room - len(said))
    beside += [Text("")] * (room - len(beside))
    return [
        Text.assemble(spread(line, Text(""), left), (" │ ", "grey37"), other)
        for line, other in zip(said, beside, strict=True)
    ]


def _next_lot(scene: ShowScene, width: int) -> list[RenderableType]:
    queued = scene.lots("queued")
    return (
        [spread(Text.assemble(("next ", "dim"), lot_name(queued[0])), _price(queued[0]), width)] if queued else []
    )


def _beside(scene: ShowScene, width: int, room: int) -> list[Text]:
    """The last bids, the queue, and below it what is over, the newest first."""
    queued, shown = scene.lots("queued"), scene.lot
    has_bids = scene.lot_scene.state is not None and not (shown and is_fixed(shown))
    lines = bids(scene.lot_scene, width, min(MAX_BIDS, max(1, room // 3))) if has_bids else []
    if queued:
        lines.append(Text("coming up", style="dim"))
    over = [lot for lot in scene.lots("sold", "unsold", "passed") if lot is not shown]
    others = [lot for lot in scene.lots("open") if lot is not shown]
    lines += [spread(Text(lot_name(lot), style="green"), Text("open", style="green"), width) for lot in others]
    lines += [spread(Text(lot_name(lot)), _price(lot), width) for lot in queued]
    lines += [spread(Text(lot_name(lot), style="dim"), _result(lot), width) for lot in reversed(over)]
    return lines[:room]


def _price(lot: dict[str, Any]) -> Text:
    return Text(first_price(lot), style="dim")


def _result(lot: dict[str, Any]) -> Text:
    if lot["status"] == "sold" and is_fixed(lot):
        return Text(f"✓ {sold_units(lot)} sold" if lot["left"] else "✓ sold out", style="green")
    if lot["status"] == "sold":
        return Text(f"✓ {money(lot['price'], lot['terms']['currency'])}", style="green")
    return Text(lot["status"], style="dim")


def _feed(scene: ShowScene, width: int, room: int) -> list[Text]:
    """The last lines that have room, the newest at the bottom."""
    rows: list[Text] = []
    for line in reversed(scene.feed):
        if len(rows) >= room:
            break
        rows = [*_rows(line, width), *rows]
    return rows[max(0, len(rows) - room) :] if rows else [Text("nobody has said anything yet", style="dim")][:room]


def _rows(line: FeedLine, width: int) -> list[Text]:
    at = Text(f"{clock_time(line.at)[:5]} " if width >= 36 else "", style="dim")
    if not line.name:
        text = Text.assemble(at, (line.text, STYLES.get(line.kind, "dim")))
    else:
        text = Text.assemble(at, (line.name, BADGES.get(line.badge or "", "bold")), "  ", line.text)
    wrapped = list(text.wrap(_WRAP, width, overflow="fold"))
    rows = wrapped[:MAX_ROWS_OF_A_MESSAGE]
    if len(wrapped) > len(rows):
        rows[-1].append("…")
    _balance(rows)
    for row in rows:
        row.rstrip()
        truncate(row, width)
    return rows


def _balance(rows: list[Text]) -> None:
    """An isolated text (kit/text.py) that goes on in the next row ends in this one and begins again there."""
    is_open = False
    for index, row in enumerate(rows):
        begun = Text("\u2068" if is_open else "").append_text(row)
        for mark in row.plain:
            is_open = mark == "\u2068" or (is_open and mark != "\u2069")
        rows[index] = begun.append("\u2069") if is_open else begun
