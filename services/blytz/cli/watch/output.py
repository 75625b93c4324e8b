"""Where `blytz watch` writes: a terminal, plain lines, or JSON."""

import contextlib
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.live import Live
from rich.text import Text

from blytz.cli.watch.scene import Scene, display_name
from blytz.cli.watch.show_scene import ShowScene, feed_line, lot_name
from blytz.cli.watch.show_view import render_show
from blytz.cli.watch.view import clock_time, duration, render
from blytz.kit.money_text import money
from blytz.kit.text import isolated

Shown = Scene | ShowScene


class Output:
    """Each method that begins with `on_`, and `open` and `close`, does nothing unless an output needs it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._link_state = ""

    def open(self) -> None:
        pass

    def on_message(self, scene: Shown, message: dict[str, Any]) -> None:
        """Called after the scene has taken the message."""

    def on_connection(self, scene: Shown) -> None:
        """Called when the state of the connection has changed."""

    def draw(self, scene: Shown) -> None:
        """Called ten times a second."""
        if scene.link.state != self._link_state:
            self._link_state = scene.link.state
            self.on_connection(scene)

    def close(self, scene: Shown) -> None:
        pass


class Screen(Output):
    """The whole terminal, on its alternate screen: what was there before comes back at the end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, screen=True, auto_refresh=False, transient=True)

    def open(self) -> None:
        self._live.start()

    def draw(self, scene: Shown) -> None:
        width, height = self._console.size
        drawn = render_show(scene, width, height) if isinstance(scene, ShowScene) else render(scene, width, height)
        self._live.update(drawn, refresh=True)

    def close(self, scene: Shown) -> None:
        self._live.stop()
        if scene.state is not None:
            self._console.print(Text(heading(scene)))


class Lines(Output):
    """One line for each thing that happened."""

    def on_message(self, scene: Shown, message: dict[str, Any]) -> None:
        if message["type"] == "error":
            self._print(scene, f"{message['code']}: {isolated(message['detail'])}")
        elif scene.state is not None and (line := line_of(scene, message)):
            self._print(scene, line)

    def on_connection(self, scene: Shown) -> None:
        self._print(scene, f"connection {scene.link.state}")

    def _print(self, scene: Shown, text: str) -> None:
        line = f"{clock_time(int(scene.now_ms))}  {text}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Json(Output):
    """Each message as it came, one a line; connection changes as `{"type":"connection","state":...}`."""

    def on_message(self, scene: Shown, message: dict[str, Any]) -> None:  # noqa: ARG002 - a message says all
        self._write(message)

    def on_connection(self, scene: Shown) -> None:
        self._write({"type": "connection", "state": scene.link.state, "offset_ms": scene.link.offset_ms})

    def _write(self, message: dict[str, Any]) -> None:
        self._console.file.write(msgspec.json.encode(message).decode() + "\n")
        with contextlib.suppress(ValueError):
            self._console.file.flush()


def output(as_json: bool, console: Console) -> Output:
    if as_json:
        return Json(console)
    return Screen(console) if console.is_terminal else Lines(console)


def line_of(scene: Shown, message: dict[str, Any]) -> str | None:
    """What one message tells people; None for what is not worth a line."""
    of_show = isinstance(scene, ShowScene) and message["topic"] == scene.topic.name
    if of_show and message["type"] == "event":
        line = feed_line(message)
        return None if line is None else f"{line.name}: {line.text}" if line.name else line.text
    auction = scene.lot_scene if isinstance(scene, ShowScene) else scene
    if message["type"] == "snapshot":
        return heading(scene if of_show or scene is auction else auction)
    if message["type"] != "event" or auction.state is None:
        return None
    return event_line(message, auction.state["terms"]["currency"], auction.remaining_ms())


def heading(scene: Shown) -> str:
    """What is watched, and how it stands."""
    assert scene.state is not None
    if isinstance(scene, Scene):
        return f"{isolated(scene.state['title'])}: {summary(scene)}"
    show = scene.state["show"]
    queued = scene.lots("queued")
    coming = f", next {lot_name(queued[0])}" if queued and not scene.is_final else ""
    sold = f"{show['lots']['sold']} of {show['lots']['total']} lots sold"
    return f"{isolated(show['title'])}: {show['status']}, {sold}{coming}"


def summary(scene: Scene) -> str:
    """How an auction stands, in one line."""
    state = scene.state
    assert state is not None
    currency, status = state["terms"]["currency"], state["status"]
    price, leader = money(state["price"], currency), display_name(state["leader"])
    match status:
        case "sold":
            return f"sold to {leader} for {price}"
        case "unsold":
            return f"not sold, highest bid {price}" if state["leader"] else "not sold, without a bid"
        case "cancelled":
            return "called off"
        case _ if state["leader"]:
            return f"{status}, {leader} leads with {price}, next bid {money(state['minimum'], currency)}"
    return f"{status}, no bids yet, starts at {money(state['minimum'], currency)}"


def event_line(event: dict[str, Any], currency: str, remaining_ms: float | None) -> str:
    """What one event tells people."""
    kind, price, leader = event["kind"], money(event["price"], currency), display_name(event["leader"])
    left = "" if remaining_ms is None else f", {duration(remaining_ms)} left"
    more = " (extended)" if event.get("extended") else ""
    match kind:
        case "bid":
            who = display_name(event["bidder"])
            ahead = who if event["bidder"]["id"] == event["leader"]["id"] else f"{leader} stays ahead of {who}"
            return f"bid #{event['bid_count']}  {price}  {ahead}{left}{more}"
        case "ceiling_raised":
            return f"{leader} raises a hidden maximum{left}{more}"
        case "sold":
            return f"SOLD to {leader} for {price}"
        case "unsold":
            return f"not sold (highest bid {price})" if event["leader"] else "not sold, without a bid"
        case "extended_by_seller":
            return f"{_REASONS[event['reason']]}{left}"
        case "resumed":
            return f"resumed{left}"
    return str(kind)


_REASONS: Final = {
    "outage": "time lost in an outage given back",
    "clock_step": "the server's clock was set; the time left is the same",
    "seller": "the seller gives more time",
}
