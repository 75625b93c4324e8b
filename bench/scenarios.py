"""The scenarios with a Go peer: bids over WebSocket and HTTP, fan-out, idle viewers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.auctions import bidder_tokens, open_auctions
from bench.jobs import BidsJob, FanoutJob, IdleJob, Result, Target
from bench.redis_server import RedisServer
from bench.rounds import Plan, Row, alternate, bounded, compared, load, median_of, summary
from bench.sides import Peer, Side, Transport, start_blytz, start_peer

BIDDERS = 50
AUCTIONS = 100
VIEWERS = 1_000


@dataclass(frozen=True)
class Servers:
    """One Redis and the servers of both sides. An idle server uses no CPU, so both stay up through all rounds."""

    folder: Path
    redis: RedisServer
    sides: dict[str, Side]

    def target(self, side: str) -> Target:
        server = self.sides[side]
        return Target(port=server.port, pid=server.process.pid, redis_pid=self.redis.process.pid)


@contextmanager
def servers(transport: Transport, peer: Peer | None) -> Iterator[Servers]:
    with ExitStack() as closing:
        folder = Path(closing.enter_context(TemporaryDirectory(prefix="blytz-bench-")))
        redis = RedisServer(folder)
        closing.callback(redis.stop)
        bidder_tokens(folder, 1)  # creates the dev key that both sides read
        sides = {"blytz": start_blytz(transport, redis.url, folder)}
        closing.callback(sides["blytz"].process.stop)
        if peer:
            sides["gin"] = start_peer(redis.url, folder, peer)
            closing.callback(sides["gin"].process.stop)
        yield Servers(folder, redis, sides)


def cpu_us_per_bid(result: Result) -> float:
    return result.server_cpu_s / max(1, result.accepted) * 1e6


def cpu_us_per_delivery(result: Result) -> float:
    return result.server_cpu_s / max(1, result.delivered) * 1e6


def bids_per_s(result: Result) -> float:
    return result.accepted / result.seconds


def ack_p99(result: Result) -> float:
    return result.ack_ms["p99"]


def _bids(transport: Transport, plan: Plan, peer: Peer | None) -> dict[str, list[Result]]:
    with servers(transport, peer) as up:
        tokens = bidder_tokens(up.folder, BIDDERS)

        def run_round(name: str) -> Result:
            up.redis.clear()
            auctions = open_auctions(up.redis.url, AUCTIONS)
            job = BidsJob(
                transport=transport, target=up.target(name), tokens=tokens, auctions=auctions, seconds=plan.seconds
            )
            return load(job)

        return alternate(plan.rounds, list(up.sides), run_round)


def websocket_bids(plan: Plan, peer: Peer | None) -> list[Row]:
    results = _bids("live", plan, peer)
    note = refused_note(results)
    return [
        compared("WebSocket, 50 bidders: CPU per bid", "us", results, cpu_us_per_bid, at_most=0.6, note=note),
        compared("WebSocket, 50 bidders: bids", "/s", results, bids_per_s, at_least=1.2, note=note),
    ]


def http_bids(plan: Plan, peer: Peer | None) -> list[Row]:
    results = _bids("http", plan, peer)
    note = refused_note(results)
    return [
        compared("HTTP, 50 connections: bids", "/s", results, bids_per_s, at_least=1.0, note=note),
        compared("HTTP, 50 connections: p99", "ms", results, ack_p99, at_most=1.0, note=note),
        compared("HTTP, 50 connections: CPU per bid", "us", results, cpu_us_per_bid),
    ]


def refused_note(results: dict[str, list[Result]]) -> str:
    """Names the bids that were not accepted; each should have been."""
    counts = {
        side: sum(sum(result.other.values()) for result in rounds) for side, rounds in results.items() if rounds
    }
    return ", ".join(f"{side}: {count} bids not accepted" for side, count in counts.items() if count)


def fanout(rate: int, at_most: float) -> Callable[[Plan, Peer | None], list[Row]]:
    def run(plan: Plan, peer: Peer | None) -> list[Row]:
        with servers("live", peer) as up:

            def run_round(name: str) -> Result:
                up.redis.clear()
                (auction,) = open_auctions(up.redis.url, 1)
                job = FanoutJob(
                    target=up.target(name),
                    redis_url=up.redis.url,
                    auction=auction,
                    viewers=VIEWERS,
                    rate=rate,
                    seconds=plan.seconds,
                )
                return load(job)

            results = alternate(plan.rounds, list(up.sides), run_round)
        title = f"Fan-out, {VIEWERS:,} sockets, {rate} events/s"
        return [
            compared(
                f"{title}: CPU per delivery",
                "us",
                results,
                cpu_us_per_delivery,
                at_most=at_most,
                note=_lost(results),
            ),
            compared(f"{title}: delay p99", "ms", results, lambda r: r.fanout_ms["p99"]),
            compared(f"{title}: delivered", "/s", results, lambda r: r.delivered / r.seconds),
        ]

    return run


def _lost(results: dict[str, list[Result]]) -> str:
    notes = []
    for side, rounds in results.items():
        closed, gaps = sum(r.closed for r in rounds), sum(r.gaps for r in rounds)
        if closed or gaps:
            notes.append(f"{side}: {closed / len(rounds):.0f} sockets closed a round, {gaps} gaps")
    return ", ".join(notes)


def idle(plan: Plan, peer: Peer | None) -> list[Row]:
    """A process rarely returns freed memory to the system, so each side is measured once, just after its start."""
    results: dict[str, list[Result]] = {}
    for name in ("blytz", "gin") if peer else ("blytz",):
        with servers("live", peer) as up:
            (auction,) = open_auctions(up.redis.url, 1)
            job = IdleJob(target=up.target(name), auction=auction, viewers=plan.idle_viewers)
            results[name] = [load(job)]
            print(f"  {name}: {summary(results[name][0])}", file=sys.stderr, flush=True)

    def kb_each(result: Result) -> float:
        return (result.rss_after - result.rss_before) / plan.idle_viewers / 1024

    return [
        bounded(
            f"{plan.idle_viewers:,} idle viewers: memory each",
            "KB",
            median_of(results["blytz"], kb_each),
            at_most=25,
            theirs=median_of(results.get("gin"), kb_each),
            note=_lost(results),
        )
    ]
