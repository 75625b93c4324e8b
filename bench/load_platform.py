"""The whole platform through nginx: bids at a steady rate on one auction that all clients watch."""

import asyncio
import time
from typing import Any

import msgspec

from bench.jobs import PlatformJob, Result
from bench.load_viewers import Topic, Viewer, rising_bids, source_of
from bench.tally import Tally
from bench.wire import connect_all, messages_in

WARM_UP_S = 3.0
CLIENTS_OF_AN_ADDRESS = 200


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
        client.connect("127.0.0.1", job.port, source=source_of(number, CLIENTS_OF_AN_ADDRESS))
        for number, client in enumerate(clients)
    )
    bidding = asyncio.create_task(_bid(job, bidders))
    result = await tally.measure(WARM_UP_S, job.seconds)
    bidding.cancel()
    result.gaps = topic.gaps
    result.closed = sum(client.closed for client in clients)
    # `sent_at` holds the bids without an answer; the youngest may still be on their way.
    long_ago = time.perf_counter() - 1
    if unanswered := sum(at < long_ago for bidder in bidders for at in bidder.sent_at.values()):
        result.other["unanswered"] = unanswered
    for client in clients:
        client.disconnect()
    return result


async def _bid(job: PlatformJob, bidders: list[Bidder]) -> None:
    async for number, amount, due_at in rising_bids(job.rate):
        # Counted from the time when it was due: a load generator that falls behind must not hide a delay.
        bidders[number % len(bidders)].bid(f"w{number}", amount, due_at)
