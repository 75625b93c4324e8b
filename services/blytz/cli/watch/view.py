"""How `blytz watch` draws a `Scene`: pure, so that a test can look at it at any size."""

import time
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from blytz.cli.watch.big_digits import big
from blytz.cli.watch.scene import BidLine, Link, Scene, display_name
from blytz.kit.money_text import money
from blytz.kit.text import isolated

HURRY_MS = 10_000
SOON_MS = 30_000
FRAME = 4
"""Columns that the frame takes."""
ONE_COLUMN = 60
"""Columns below which there is not room for all facts on two lines."""
TALL_ENOUGH = 16
"""Lines from which on the price is big."""

STATUS_STYLE = {
    "open": "bold green",
    "paused": "bold yellow",
    "scheduled": "bold cyan",
    "sold": "bold white on magenta",
    "unsold": "bold white on grey37",
    "cancelled": "bold white on grey37",
}
_WITHOUT_A_BID = {"unsold": "not sold: no bid", "cancelled": "called off: no bid"}
LINK_STYLE = {"live": "green", "connecting": "yellow", "stale": "bold red", "closed": "bold red"}


def render(scene: Scene, width: int, height: int) -> RenderableType:
    """A frame of exactly this size."""
    inner = max(10, width - FRAME)
    state = scene.state
    if state is None:
        body: list[RenderableType] = [Text(""), Text(scene.notice, style="dim")]
        title = Text("Blytz")
    else:
        title = Text(isolated(state["title"]), style="bold")
        body = [*figures(scene, inner, height), Text(""), *facts(scene, inner)]
        room = height - 2 - len(body) - 3
        body += [Rule(style="grey37"), *bids(scene, inner, max(0, room))]
    body += [Text("")] * (height - 3 - len(body))
    body = [*body[: height - 3], link_line(scene.link, inner, store_away=scene.store_away)]
    truncate(title, inner - 2)
    return Panel(
        Group(*body), title=title, title_align="left", border_style=border(scene), width=width, height=height
    )


def border(scene: Scene) -> str:
    remaining = scene.remaining_ms()
    if scene.link.state != "live":
        return LINK_STYLE[scene.link.state]
    if scene.state and scene.state["status"] == "open" and remaining is not None and remaining < HURRY_MS:
        return "red"
    return "magenta" if scene.state and scene.state["status"] == "sold" else "grey50"


def figures(scene: Scene, width: int, height: int) -> list[Text]:
    """The price at the left, the clock at the right: as big as there is room for."""
    assert scene.state is not None
    state = scene.state
    price = money(state["price"] or state["minimum"], state["terms"]["currency"])
    price_style = "bold green" if state["leader"] else "bold white"
    clock, clock_style = _clock(scene)
    rows = side_by_side((price, price_style), (clock, clock_style), width, tall=height >= TALL_ENOUGH)
    under_price = (
        "starting price" if not state["leader"] else "current price" if not scene.is_final else "final price"
    )
    return [Text(""), *rows, spread(Text(under_price, style="dim"), _under_clock(scene), width)]


def side_by_side(price: tuple[str, str], clock: tuple[str, str], width: int, *, tall: bool) -> list[Text]:
    """Two texts, each with its style, in big digits where `tall` allows it and there is room."""
    (price_text, price_style), (clock_text, clock_style) = price, clock
    left = big(price_text) if tall and len(big(price_text)[0]) <= width else (price_text,)
    right = big(clock_text) if clock_text.replace(":", "").replace(".", "").isdigit() else (clock_text,)
    if not tall or len(left[0]) + len(right[0]) + 4 > width:
        right = (clock_text,)
    if len(left[0]) + len(right[0]) + 2 > width:
        left = (price_text,)
    return [
        spread(
            Text(left[row] if row < len(left) else "", style=price_style),
            Text(right[row] if row < len(right) else "", style=clock_style),
            width,
        )
        for row in range(max(len(left), len(right)))
    ]


def _clock(scene: Scene) -> tuple[str, str]:
    """What the clock shows, and its style."""
    assert scene.state is not None
    status, remaining = scene.state["status"], scene.remaining_ms()
    if remaining is None:
        return f" {status.upper()} ", STATUS_STYLE[status]
    if status != "open":
        return duration(remaining), STATUS_STYLE[status]
    style = "bold white"
    if remaining < HURRY_MS or scene.extended:
        style = "bold red"
    elif remaining < SOON_MS:
        style = "bold yellow"
    return duration(remaining), style


def _under_clock(scene: Scene) -> Text:
    assert scene.state is not None
    status = scene.state["status"]
    if status == "open" and scene.extended:
        return Text("extended", style="bold red")
    words = {"open": "remaining", "paused": "paused", "scheduled": "until it opens"}
    return Text(words.get(status, ""), style="dim" if status == "open" else STATUS_STYLE[status])


def duration(ms: float) -> str:
    """`1:02:03`, `4:05`, and tenths in the last ten seconds."""
    if ms < HURRY_MS:
        return f"{int(ms // 100) / 10:.1f}"
    seconds = int(ms // 1000)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def facts(scene: Scene, width: int) -> list[Text]:
    """Who leads, what is asked, and what else a bidder wants to know: two lines where there is room."""
    state = scene.state
    assert state is not None
    currency, buy_now = state["terms"]["currency"], state.get("buy_now_price")
    leader = _leader(state)
    ask = Text("")
    if not scene.is_final:
        ask = Text.assemble(("next bid ", "dim"), (money(state["minimum"], currency), "bold"))
    reserve = Text("")
    if scene.has_reserve:
        reserve = Text("✓ reserve met", "green") if state["reserve_met"] else Text("✗ below reserve", "yellow")
    offer = Text("")
    if buy_now and state["price"] < buy_now and not scene.is_final:
        offer = Text.assemble(("buy now ", "dim"), (money(buy_now, currency), "cyan"))
    bids = state["bid_count"]
    counts = Text(f"{bids} bid{'s' * (bids != 1)} · {scene.viewers} watching", style="dim")
    if width < ONE_COLUMN:
        return [*in_pairs(leader, ask, width), *in_pairs(reserve, offer, width), counts]
    if offer.cell_len:
        reserve = Text.assemble(reserve, "   " if scene.has_reserve else "", offer)
    return [spread(leader, ask, width), spread(reserve, counts, width)]


def _leader(state: dict[str, Any]) -> Text:
    if state["leader"] is None and state["status"] in _WITHOUT_A_BID:
        return Text(_WITHOUT_A_BID[state["status"]], style="dim")
    who = {"sold": "won by ", "unsold": "not sold; highest ", "cancelled": "called off; highest "}
    name = (display_name(state["leader"]), "bold" if state["leader"] else "dim")
    return Text.assemble((who.get(state["status"], "leading "), "dim"), name)


def in_pairs(left: Text, right: Text, width: int) -> list[Text]:
    """On one line where both fit whole; no line for two empty texts."""
    if left.cell_len and left.cell_len + right.cell_len + 2 <= width:
        return [spread(left, right, width)]
    return [spread(line, Text(""), width) for line in (left, right) if line.cell_len]


def bids(scene: Scene, width: int, room: int) -> list[Text]:
    """The newest first."""
    if not scene.bids:
        return [Text("no bids yet", style="dim")][:room]
    assert scene.state is not None
    currency = scene.state["terms"]["currency"]
    newest = list(scene.bids)[: -room - 1 : -1] if room else []
    return [_bid(bid, currency, width, newest=index == 0) for index, bid in enumerate(newest)]


def _bid(bid: BidLine, currency: str, width: int, *, newest: bool) -> Text:
    style = ("bold" if newest else "") if bid.leads else "dim"
    left = Text.assemble((f"{clock_time(bid.at)}  " if width >= 36 else "", "dim"), (bid.name, style))
    aside = "outbid at once  " if not bid.leads and width >= 50 else ""
    right = Text.assemble(
        (aside, "dim"), ("+time  " if bid.extended else "", "red"), (money(bid.price, currency), style)
    )
    return spread(left, right, width)


def link_line(link: Link, width: int, *, store_away: bool) -> Text:
    words = {"connecting": "connecting…", "closed": "closed"}
    text = Text.assemble(("● ", LINK_STYLE[link.state]), words.get(link.state, link.state))
    if link.state == "stale":
        text.append(f": nothing received for {link.silent_s:.0f} s")
    elif link.state == "live" and store_away:
        text.append(": no bid can be decided now", style="bold yellow")
    if link.offset_ms is None or link.round_trip_ms is None:
        return text
    offset = Text(f"server clock {round(link.offset_ms):+d} ms", style="dim")
    if width >= 56:
        offset.append(f" · round trip {link.round_trip_ms:.0f} ms")
    return spread(text, offset, width)


def clock_time(at_ms: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_ms / 1000))


def truncate(text: Text, width: int) -> None:
    """Where the end of an isolated text (kit/text.py) is cut off, the mark that ends it is put back."""
    text.truncate(width, overflow="ellipsis")
    text.append("\u2069" * (text.plain.count("\u2068") - text.plain.count("\u2069")))


def spread(left: Text, right: Text, width: int) -> Text:
    """One line: `left` gives way where both do not fit."""
    room = width - right.cell_len - (1 if right.cell_len else 0)
    if room < 4:
        right.truncate(width, overflow="ellipsis")
        return right if right.cell_len else left
    truncate(left, room)
    return Text.assemble(left, " " * (width - left.cell_len - right.cell_len), right)
