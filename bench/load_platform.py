"""The whole platform through nginx: bids at a steady rate on one auction that all clients watch."""

import asyncio
import time
from typing import Any

import msgspec

from bench.jobs import PlatformJob, Result
from bench.load_viewers import Topic, Viewer, source_of
from bench.tally import Tally
from bench.wire import connect_all, messages_in
from blytz.auction.model import Terms
from blytz.auction.rules import increment


class Bidder(Viewer):
    """A viewer that also bids; its results arrive between the events."""

    def __init__(self, number: int, topic: Topic, token: str, auction: str) -> None:
        super().__init__(number, topic)
        self._tally, self._token, self._auction = topic.tally, token, auction
        self.sent_at: dict[str, float] = {}

    def bid(self, bid_id: str, amount: int, due_at: float) -> None:
        self.sent_at[bid_id] = due_at
        bid = {"type": "bid", "auction_id": self._auction, "bid_id": bid_id, "amount": amount, "kind": "exact"}
        self.send_text(msgspec.json.encode({**bid, "ref": bid_id}))

    def on_text(self, frame: bytes) -> None:
        if not self.ready.done() and b'"welcome"' in frame:
            self.send_text(msgspec.json.encode({"type": "auth", "token": self._token}))
        if not self.ready.done() or (b'"bid_result"' not in frame and b'"error"' not in frame):
            super().on_text(frame)
            return
        messages = messages_in(frame)
        for message in messages:
            if message["type"] in {"bid_result", "error"}:
                self._on_receipt(message)
        self._record(self._topic.read(messages))

    def _on_receipt(self, message: dict[str, Any]) -> None:
        now = time.perf_counter()
        sent_at = self.sent_at.pop(message.get("bid_id") or message.get("ref", ""), None)
        if sent_at is not None:
            self._tally.answered(message.get("code") or message["outcome"], now - sent_at)


async def run_platform(job: PlatformJob) -> Result:
    tally = Tally()
    topic = Topic(f"auction:{job.auction}", tally)
    viewers: list[Viewer] = [Viewer(number, topic) for number in range(job.viewers)]
    bidders = [Bidder(number, topic, token, job.auction) for number, token in enumerate(job.tokens)]
    clients = [*viewers, *bidders]
    await connect_all(
        client.connect("127.0.0.1", job.port, source=source_of(number * 25))
        for number, client in enumerate(clients)
    )
    pacing = asyncio.create_task(_pace(job, bidders))
    await asyncio.sleep(job.warm_up_s)
    tally.begin()
    await asyncio.sleep(job.seconds)
    result = tally.end()
    pacing.cancel()
    result.gaps = topic.gaps
    result.closed = sum(client.closed for client in clients)
    # `sent_at` holds the bids without an answer; the youngest may still be on their way.
    long_ago = time.perf_counter() - 1
    if unanswered := sum(at < long_ago for bidder in bidders for at in bidder.sent_at.values()):
        result.other["unanswered"] = unanswered
    for client in clients:
        client.disconnect()
    return result


async def _pace(job: PlatformJob, bidders: list[Bidder]) -> None:
    terms = Terms()
    began_at, amount, turn = time.perf_counter(), terms.start_price, 0
    while True:
        due_at = began_at + turn / job.rate
        await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
        # Counted from the time when it was due: a load generator that falls behind must not hide a delay.
        bidders[turn % len(bidders)].bid(f"w{turn}", amount, due_at)
        amount += increment(terms, amount)
        turn += 1
