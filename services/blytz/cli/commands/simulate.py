"""`blytz simulate`: a crowd against a running platform, and a table of what it saw."""

import asyncio
import signal
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from blytz.cli.data_folder import DataOption
from blytz.cli.options import JsonOption, UrlOption, platform_url
from blytz.kit.money_text import money
from blytz.simulate.latency import Percentiles
from blytz.simulate.load_bidders import CROWD, RISING
from blytz.simulate.plan import Plan, Result
from blytz.simulate.simulation import Progress, Simulation

NAMES = {"accepted": "green", "outbid": "cyan", "pending": "red"}
ANSWERS = {"bid_too_low", "already_leading", "auction_ended", "auction_not_open", "buy_now_unavailable"}
"""Refusals that a crowd must expect."""


def simulate(
    bidders: Annotated[int, typer.Option(metavar="N", help="How many bid.")] = 10,
    viewers: Annotated[int, typer.Option(metavar="M", help="How many watch.")] = 100,
    rate: Annotated[float, typer.Option(metavar="R", help="Bids a second, all bidders together.")] = 20.0,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long they bid.")] = 10.0,
    auction: Annotated[
        str | None, typer.Option(metavar="ID", help="Bid on this auction.  [default: opens one of its own]")
    ] = None,
    url: UrlOption = None,
    data: DataOption = None,
    *,
    rising: Annotated[bool, typer.Option("--rising", help="Every bid is meant to be accepted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send simulated bidders and viewers to a running dev platform, and measure what they see.

    Exit code 1 when any viewer missed an event or did not receive the end. Ctrl-C ends early, with the table.
    """
    plan = Plan(
        url=platform_url(url, data),
        bidders=bidders,
        viewers=viewers,
        rate=rate,
        seconds=seconds,
        auction=auction,
        manners=RISING if rising else CROWD,
    )
    result = _run(plan, Console(stderr=True, quiet=as_json))
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
    else:
        Console().print(table(result))
    if not result.ok:
        raise typer.Exit(1)


def _run(plan: Plan, console: Console) -> Result:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        simulation = Simulation(
            plan, lambda progress: live.update(_shown(plan, progress), refresh=console.is_terminal)
        )

        async def until_done() -> Result:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, simulation.stop)
            return await simulation.run()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(until_done())


def _shown(plan: Plan, progress: Progress) -> Table:
    grid = Table.grid(padding=(0, 2))
    if progress.phase == "connecting":
        bar = ProgressBar(total=plan.viewers or 1, completed=progress.connected, width=30)
        grid.add_row("connecting", bar, f"{progress.connected:,} of {plan.viewers:,} viewers")
        return grid
    bar = ProgressBar(total=plan.seconds, completed=min(progress.elapsed_s, plan.seconds), width=30)
    grid.add_row(progress.phase, bar, f"{progress.elapsed_s:.0f} of {plan.seconds:g} s")
    price = money(progress.price, progress.currency)
    grid.add_row(
        "", f"{progress.sent:,} bids, price {price}", f"{progress.viewers:,} watching, {progress.gaps} gaps"
    )
    return grid


def table(result: Result) -> Table:
    """What the crowd saw, for people."""
    crowd = f"{result.bidders:,} bidders, {result.viewers:,} viewers"
    shown = Table(
        title=f"{crowd}, {result.seconds:.0f} s on {result.auction_id}",
        title_justify="left",
        title_style="bold",
        min_width=60,
    )
    for name in ("", "count", "p50", "p95", "p99", "longest"):
        shown.add_column(name, justify="left" if not name else "right", no_wrap=True)
    a_second = f"{result.sent / max(result.seconds, 1e-9):.0f}/s"
    shown.add_row(f"bids sent, {a_second}", f"{result.sent:,}")
    for outcome, count in result.outcomes.items():
        shown.add_row(f"  {outcome}", f"{count:,}", style=_style(outcome))
    if result.replayed:
        shown.add_row("  of these, answered again", f"{result.replayed:,}", style="dim")
    if result.unsent:
        shown.add_row("bids due but not sent", f"{result.unsent:,}", style="red")
    shown.add_section()
    shown.add_row("answer to a bid, ms", *_figures(result.ack))
    shown.add_row("event to viewer, ms", *_figures(result.fan_out))
    shown.add_row("bid to viewer, ms", *_figures(result.bid_to_view))
    shown.add_section()
    shown.add_row("events", f"{result.events:,}")
    for name, count, bad in (
        ("gaps", result.gaps, True),
        ("viewers behind at the end", result.behind, True),
        ("reconnects", result.reconnects, False),
        ("refused for load", result.refused_for_load, True),
    ):
        shown.add_row(name, f"{count:,}", style=("red" if bad else "yellow") if count else "green")
    for error, count in result.errors.items():
        shown.add_row(f"  {error}", f"{count:,}", style="red")
    shown.caption = f"this process used {result.cpu_share:.0%} of a core"
    return shown


def _style(outcome: str) -> str:
    code = outcome.removeprefix("refused: ")
    return NAMES.get(outcome) or ("dim" if code in ANSWERS else "red")


def _figures(delays: Percentiles) -> list[str]:
    values = (delays.p50, delays.p95, delays.p99, delays.longest)
    return [f"{delays.samples:,}", *("–" if value is None else f"{value:.1f}" for value in values)]  # noqa: RUF001
