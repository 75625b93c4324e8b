"""The scenarios that have a peer: bids over both doors, fan-out, idle viewers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.auctions import bidder_tokens, open_auctions
from bench.jobs import BidsJob, FanoutJob, IdleJob, Result, Target
from bench.redis_server import RedisServer
from bench.rounds import Plan, Row, alternate, brief, compared, load, middle
from bench.sides import Door, Peer, Side, start_blytz, start_peer

BIDDERS = 50
AUCTIONS = 100
VIEWERS = 1_000


class ExampleRunner:
    """One Redis and both sides on it. An idle server costs nothing, so both stay up through all rounds."""

    def __init__(self, folder: Path, redis: RedisServer, sides: dict[str, Side]) -> None:
        self.folder = folder
        self.redis = redis
        self.sides = sides

    def target(self, side: str) -> Target:
        server = self.sides[side]
        return Target(port=server.port, pid=server.process.pid, redis_pid=self.redis.process.pid)


@contextmanager
def stage(door: Door, peer: Peer | None) -> Iterator[ExampleRunner]:
    with ExitStack() as closing:
        folder = Path(closing.enter_context(TemporaryDirectory(prefix="blytz-bench-")))
        redis = RedisServer(folder)
        closing.callback(redis.stop)
        bidder_tokens(folder, 1)  # makes the dev key that both sides read
        sides: dict[str, Side] = {}
        for name, start in _starters(door, redis.url, folder, peer):
            side = sides[name] = start()
            closing.callback(side.process.stop)
        yield ExampleRunner(folder, redis, sides)


def _starters(door: Door, url: str, folder: Path, peer: Peer | None) -> Iterator[tuple[str, Callable[[], Side]]]:
    yield "blytz", lambda: start_blytz(door, url, folder)
    if peer:
        yield "gin", lambda: start_peer(url, folder, peer)


def cpu_us_per_bid(result: Result) -> float:
    return result.server_cpu_s / max(1, result.accepted) * 1e6


def cpu_us_per_delivery(result: Result) -> float:
    return result.server_cpu_s / max(1, result.delivered) * 1e6


def bids_per_s(result: Result) -> float:
    return result.accepted / result.seconds


def ack_p99(result: Result) -> float:
    return result.ack_ms["p99"]


def _bids(door: Door, plan: Plan, peer: Peer | None) -> dict[str, list[Result]]:
    with stage(door, peer) as on:
        tokens = bidder_tokens(on.folder, BIDDERS)

        def play(name: str) -> Result:
            on.redis.clear()
            auctions = open_auctions(on.redis.url, AUCTIONS)
            job = BidsJob(
                door=door, target=on.target(name), tokens=tokens, auctions=auctions, seconds=plan.seconds
            )
            return load(job)

        return alternate(plan.rounds, list(on.sides), play)


def websocket_bids(plan: Plan, peer: Peer | None) -> list[Row]:
    results = _bids("live", plan, peer)
    note = refused_note(results)
    return [
        compared("WebSocket, 50 bidders: CPU per bid", "us", results, cpu_us_per_bid, most=0.6, note=note),
        compared("WebSocket, 50 bidders: bids", "/s", results, bids_per_s, least=1.2, note=note),
    ]


def http_bids(plan: Plan, peer: Peer | None) -> list[Row]:
    results = _bids("http", plan, peer)
    note = refused_note(results)
    return [
        compared("HTTP, 50 connections: bids", "/s", results, bids_per_s, least=1.0, note=note),
        compared("HTTP, 50 connections: p99", "ms", results, ack_p99, most=1.0, note=note),
        compared("HTTP, 50 connections: CPU per bid", "us", results, cpu_us_per_bid),
    ]


def refused_note(results: dict[str, list[Result]]) -> str:
    """Every bid should have been accepted; whatever was not is said beside the figure."""
    told = {
        side: sum(sum(result.other.values()) for result in rounds) for side, rounds in results.items() if rounds
    }
    return ", ".join(f"{side}: {count} bids not accepted" for side, count in told.items() if count)


def fanout(rate: int, most: float) -> Callable[[Plan, Peer | None], list[Row]]:
    def run(plan: Plan, peer: Peer | None) -> list[Row]:
        with stage("live", peer) as on:

            def play(name: str) -> Result:
                on.redis.clear()
                (auction,) = open_auctions(on.redis.url, 1)
                job = FanoutJob(
                    target=on.target(name),
                    redis_url=on.redis.url,
                    auction=auction,
                    viewers=VIEWERS,
                    rate=rate,
                    seconds=plan.seconds,
                )
                return load(job)

            results = alternate(plan.rounds, list(on.sides), play)
        title = f"Fan-out, {VIEWERS:,} sockets, {rate} events/s"
        return [
            compared(
                f"{title}: CPU per delivery", "us", results, cpu_us_per_delivery, most=most, note=_lost(results)
            ),
            compared(f"{title}: delay p99", "ms", results, lambda r: r.fanout_ms["p99"]),
            compared(f"{title}: delivered", "/s", results, lambda r: r.delivered / r.seconds),
        ]

    return run


def _lost(results: dict[str, list[Result]]) -> str:
    told = []
    for side, rounds in results.items():
        closed, gaps = sum(r.closed for r in rounds), sum(r.gaps for r in rounds)
        if closed or gaps:
            told.append(f"{side}: {closed / len(rounds):.0f} sockets closed a round, {gaps} gaps")
    return ", ".join(told)


def idle(plan: Plan, peer: Peer | None) -> list[Row]:
    """Memory given back is seldom seen again, so each side is measured once, just after its start."""
    results: dict[str, list[Result]] = {}
    for name in ("blytz", "gin") if peer else ("blytz",):
        with stage("live", peer) as on:
            (auction,) = open_auctions(on.redis.url, 1)
            job = IdleJob(target=on.target(name), auction=auction, viewers=plan.idle_viewers)
            results[name] = [load(job)]
            print(f"  {name}: {brief(results[name][0])}", file=sys.stderr, flush=True)

    def kb_each(result: Result) -> float:
        return (result.rss_after - result.rss_before) / plan.idle_viewers / 1024

    ours = middle(results["blytz"], kb_each)
    return [
        Row(
            figure=f"{plan.idle_viewers:,} idle viewers: memory each",
            unit="KB",
            ours=ours,
            theirs=middle(results.get("gin"), kb_each),
            target="<= 25",
            met=ours is not None and ours <= 25,
            note=_lost(results),
        )
    ]
