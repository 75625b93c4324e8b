"""The scenario of a show's chat: what it does to those who bid."""

import asyncio
import math
from statistics import median

from bench.auctions import SELLER, bidder_tokens, open_auctions
from bench.jobs import ChatJob, Result
from bench.rounds import Plan, Row, alternate, bounded, load, median_of, noise, summary
from bench.scenarios import servers
from bench.sides import Peer
from blytz.auction.model import Terms
from blytz.kit.ids import new_id
from blytz.kit.redis.pipe import RedisPipe
from blytz.show.events.log import ShowSnapshot
from blytz.show.model import AuctionTerms, Lot, LotCounts, LotFacts, LotStatus, Show, ShowStatus
from blytz.show.public import short_lot_view, show_view
from blytz.show.redis.log import RedisShowLog

GUESTS, SLEEPERS = 100, 20
BIDS_PER_S, MESSAGES_PER_S = 50, 200
ROUNDS = 3
ACK_MS = 20
GROWTH_MB = 32
"""Of the gateway's memory: the queues of those who do not read may hold 5 MB, the rest are recent messages."""


def chat(plan: Plan, peer: Peer | None) -> list[Row]:  # noqa: ARG001 - the Go peer has no chat
    with servers("live", None) as up:
        tokens = bidder_tokens(up.folder, GUESTS)

        def run_round(name: str) -> Result:
            up.redis.clear()
            (auction,) = open_auctions(up.redis.url, 1)
            with_chat = name == "with chat"
            job = ChatJob(
                target=up.target("blytz"),
                tokens=tokens,
                show=asyncio.run(_live_show(up.redis.url, auction)),
                auction=auction,
                viewers=plan.chat_viewers,
                sleepers=SLEEPERS if with_chat else 0,
                rate=BIDS_PER_S,
                messages_per_s=MESSAGES_PER_S if with_chat else 0,
                seconds=plan.chat_s,
            )
            return load(job)

        results = alternate(min(plan.rounds, ROUNDS), ["silent", "with chat"], run_round, _told)
    return _rows(plan, results)


async def _live_show(redis_url: str, auction: str) -> str:
    """A show that is live, with one open lot, as the gateway finds it in Redis."""
    show = Show(show_id=new_id("shw"), seller=SELLER, title="Bench", status=ShowStatus.LIVE)
    terms = AuctionTerms(**{name: getattr(Terms(), name) for name in Terms.__struct_fields__})
    lot = Lot(
        lot_id=new_id("lot"),
        show_id=show.show_id,
        title="Bowl",
        terms=terms,
        status=LotStatus.OPEN,
        auction_id=auction,
    )
    facts = LotFacts(LotCounts(total=1), open_lots=(lot.lot_id,))
    pipe = RedisPipe(redis_url, "bench-setup")
    await pipe.start(timeout_s=10)
    try:
        snapshot = ShowSnapshot(0, show_view(show, facts), [short_lot_view(lot)])
        await RedisShowLog(pipe).fill(show.show_id, snapshot)
    finally:
        await pipe.close()
    return show.show_id


def _told(result: Result) -> str:
    """`fan-out` is the delay of chat messages."""
    frames = max(1, result.frames)
    events, cpu_us = result.delivered / frames, result.server_cpu_s / frames * 1e6
    closed = f"{result.slow_closed} slow readers closed"
    return f"{summary(result)}, {events:.1f} events and {cpu_us:.1f} us of CPU a frame, {closed}"


def _ack_p99(result: Result) -> float:
    return result.ack_ms.get("p99", math.inf)


def _growth_mb(result: Result) -> float:
    return (result.rss_after - result.rss_before) / 1e6


def _rows(plan: Plan, results: dict[str, list[Result]]) -> list[Row]:
    spoken, silent = results["with chat"], results["silent"]
    quiet_cpu_s = median(result.server_cpu_s for result in silent)
    rounds = [*spoken, *silent]
    lost = sum(result.gaps + result.closed for result in rounds)
    refused = sum(sum(result.other.values()) for result in rounds)
    title = f"A show, {plan.chat_viewers:,} viewers, {BIDS_PER_S} bids/s, {MESSAGES_PER_S} messages/s"
    return [
        bounded(f"{title}: ack p99 of a bid", "ms", median_of(spoken, _ack_p99), at_most=ACK_MS),
        Row(
            figure="the same without messages: ack p99 of a bid",
            unit="ms",
            ours=median_of(silent, _ack_p99),
            noise=noise(results),
        ),
        Row(
            figure="the same: CPU of the gateway",
            unit="% of a core",
            ours=median_of(spoken, lambda result: result.server_cpu_s / result.seconds * 100),
        ),
        Row(
            figure="the same: CPU per delivered message",
            unit="us",
            ours=median_of(
                spoken, lambda result: (result.server_cpu_s - quiet_cpu_s) / max(1, result.messages) * 1e6
            ),
            note=f"{refused} bids or messages were not taken" if refused else "",
        ),
        Row(
            figure="the same: messages delivered",
            unit="/s",
            ours=median_of(spoken, lambda result: result.messages / result.seconds),
            target=f"{plan.chat_viewers * MESSAGES_PER_S:,}",
        ),
        Row(
            figure="the same: delay p99 of a message",
            unit="ms",
            # Without one when every viewer was closed.
            ours=median_of(spoken, lambda result: result.fanout_ms.get("p99", math.inf)),
        ),
        bounded("the same: gaps and closed sockets", "", lost, at_most=0),
        Row(
            figure="the same: slow readers that were closed",
            unit="",
            ours=median_of(spoken, lambda result: result.slow_closed),
            target=f"of {SLEEPERS}",
        ),
        bounded(
            "the same: growth of the gateway's memory", "MB", median_of(spoken, _growth_mb), at_most=GROWTH_MB
        ),
    ]
