"""Short rounds that alternate between the sides, so that noise falls on both; figures are medians."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from bench.jobs import Job, Result
from bench.machine import LOAD_CORE, ROOT


class Plan(msgspec.Struct, frozen=True):
    """Number and length of the rounds."""

    rounds: int = 5
    seconds: float = 4.0
    platform_s: float = 60.0
    idle_viewers: int = 10_000
    chat_s: float = 20.0
    chat_viewers: int = 1_000
    engine_bids: int = 60_000


QUICK = Plan(rounds=2, seconds=2.0, platform_s=10.0, idle_viewers=2_000, chat_s=8.0, engine_bids=20_000)


class Row(msgspec.Struct, kw_only=True):
    """One line of the table."""

    figure: str
    unit: str
    ours: float | None
    theirs: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""
    noise: float = 0.0

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.ours is not None and self.theirs else None


def load(job: Job) -> Result:
    """Run one job in a new load generator process on the other core."""
    done = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(job),
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed:\n{done.stderr.decode(errors='replace')[-1500:]}")
    return msgspec.json.decode(done.stdout, type=Result)


def alternate(
    rounds: int,
    sides: Sequence[str],
    run_round: Callable[[str], Result],
    told: Callable[[Result], str] | None = None,
) -> dict[str, list[Result]]:
    """A B A B ...: `rounds` results for each side, each printed as `told` says it."""
    results: dict[str, list[Result]] = {side: [] for side in sides}
    for turn in range(rounds):
        for side in sides:
            result = run_round(side)
            results[side].append(result)
            print(f"  round {turn + 1}, {side}: {(told or summary)(result)}", file=sys.stderr, flush=True)
    return results


def summary(result: Result) -> str:
    """The measurements of one round in a line."""
    parts = []
    if result.seconds:
        busy = {
            "server": result.server_cpu_s,
            "redis": result.redis_cpu_s,
            "load": result.load_cpu_s,
            "others": result.others_cpu_s,
        }
        parts.append(", ".join(f"{name} {cpu_s / result.seconds:.0%}" for name, cpu_s in busy.items()))
    if result.accepted:
        parts.append(f"{result.accepted / result.seconds:,.0f} bids/s")
    if result.delivered:
        parts.append(f"{result.delivered / result.seconds:,.0f} deliveries/s")
    for name, spread in (("ack", result.ack_ms), ("fan-out", result.fanout_ms)):
        if spread:
            parts.append(f"{name} p50 {spread['p50']:.1f} p99 {spread['p99']:.1f} ms")
    if result.rss_after:
        parts.append(f"{(result.rss_after - result.rss_before) / 1e6:,.0f} MB more")
    if result.other or result.gaps or result.closed:
        parts.append(f"other outcomes {result.other}, gaps {result.gaps}, closed {result.closed}")
    return ", ".join(parts)


def median_of(results: Sequence[Result] | None, figure: Callable[[Result], float]) -> float | None:
    return median(map(figure, results)) if results else None


def noise(results: dict[str, list[Result]]) -> float:
    """The largest share of a core that other work took during a round."""
    shares = (result.others_cpu_s / result.seconds for rounds in results.values() for result in rounds)
    return max(shares, default=0.0)


def compared(
    figure: str,
    unit: str,
    results: dict[str, list[Result]],
    read: Callable[[Result], float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Row:
    """A row whose target, if it has one, is a share of the peer's figure: `at_most`, or `at_least`."""
    ours, theirs = median_of(results.get("blytz"), read), median_of(results.get("gin"), read)
    row = Row(figure=figure, unit=unit, ours=ours, theirs=theirs, note=note, noise=noise(results))
    ratio = row.ratio
    if at_most is not None:
        row.target, row.met = f"<= {at_most:g} of gin", None if ratio is None else ratio <= at_most
    if at_least is not None:
        row.target, row.met = f">= {at_least:g} of gin", None if ratio is None else ratio >= at_least
    return row


def bounded(
    figure: str, unit: str, ours: float | None, at_most: float, *, theirs: float | None = None, note: str = ""
) -> Row:
    """A row whose target is a number of its own, whatever the peer's figure is."""
    met = ours is not None and ours <= at_most
    target = f"<= {at_most:g}"
    return Row(figure=figure, unit=unit, ours=ours, theirs=theirs, target=target, met=met, note=note)
