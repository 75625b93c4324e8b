"""Bidders that keep bidding through failures, over WebSocket and HTTP, and record every answer."""

import asyncio
import http.client
import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

import msgspec

from blytz.auction.model import Code, Event
from blytz.client.live import LiveClient

ANSWER_WITHIN_S = 15.0
GIVE_UP_AFTER_S = 0.01
RETRY_S = 0.05
Way = Literal["live", "http"]
BY_THE_RULES = frozenset(code.value for code in Code)


@dataclass
class Sent:
    """One bid, and its outcome as far as its bidder knows."""

    auction_id: str
    bidder_id: str
    bid_id: str
    amount: int
    kind: str
    outcome: str = "pending"
    """`accepted`, `outbid`, `refused` by the rules, or `pending`: not known."""
    answer: dict[str, Any] = field(default_factory=dict)


class BidChannel(Protocol):
    """One way for one bidder to bid: WebSocket or HTTP."""

    async def ask(self, bid: Sent, timeout_s: float) -> None:
        """Sends the bid until it is answered, and records the answer; after `timeout_s` it stays `pending`."""


class LiveChannel:
    def __init__(self, client: LiveClient) -> None:
        self._client = client

    async def ask(self, bid: Sent, timeout_s: float) -> None:
        reply = await self._client.place_bid(
            bid.auction_id, bid.amount, bid.kind, bid_id=bid.bid_id, timeout_s=timeout_s
        )
        note(bid, reply.outcome, reply.code, msgspec.structs.asdict(reply))


class HttpChannel:
    """Bids directly at the auction service, over one connection that is reopened when it breaks."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    async def ask(self, bid: Sent, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while bid.outcome == "pending" and time.monotonic() < until:
            status, reply = await asyncio.to_thread(self._post, bid)
            if status == 201:
                note(bid, reply["outcome"], None, reply)
            elif 400 <= status < 500:
                note(bid, "refused", reply.get("code"), reply)
            else:
                await asyncio.sleep(RETRY_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._connection.close()

    def _post(self, bid: Sent) -> tuple[int, dict[str, Any]]:
        body = msgspec.json.encode({"bid_id": bid.bid_id, "amount": bid.amount, "kind": bid.kind})
        connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        self._connection = connection
        try:
            connection.request("POST", f"/v1/auctions/{bid.auction_id}/bids", body, self._headers)
            response = connection.getresponse()
            return response.status, msgspec.json.decode(response.read() or b"{}")
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            connection.close()
            self._connection = None
            return 0, {}


def note(bid: Sent, outcome: str, code: str | None, reply: Mapping[str, Any]) -> None:
    if outcome in {"accepted", "outbid"} or (outcome == "refused" and code in BY_THE_RULES):
        bid.outcome, bid.answer = outcome, {**reply, "code": code}
    # Any other refusal leaves the bid undecided: an earlier attempt may have been recorded.


class Crowd:
    """All bidders together: what they sent, and how many answers came by each way."""

    def __init__(self, auction_ids: list[str], rng: random.Random) -> None:
        self.sent: list[Sent] = []
        self.answers: dict[Way, int] = {"live": 0, "http": 0}
        self.stopping = False
        self._auction_ids = auction_ids
        self._rng = rng
        self._numbers = itertools.count(1)
        self._minimum = dict.fromkeys(auction_ids, 100)

    @property
    def unknown(self) -> list[Sent]:
        return [bid for bid in self.sent if bid.outcome == "pending"]

    def has_answers(self, goals: Mapping[Way, int]) -> bool:
        return all(self.answers[way] >= count for way, count in goals.items())

    def new_bid(self, bidder_id: str) -> Sent:
        auction_id = self._rng.choice(self._auction_ids)
        # Some bids are too low.
        amount = self._minimum[auction_id] + 1_000 * self._rng.randrange(-1, 60)
        kind = self._rng.choice(("exact", "max", "max"))
        bid = Sent(auction_id, bidder_id, f"b{next(self._numbers)}", max(1, amount), kind)
        self.sent.append(bid)
        return bid

    async def bid_on(self, bidder_id: str, way: Way, channel: BidChannel, max_pause_s: float) -> None:
        """Bids until `stopping`. One bid in ten is not waited for; half of these are retried later."""
        while not self.stopping:
            bid = self.new_bid(bidder_id)
            gives_up = self._rng.random() < 0.1
            await channel.ask(bid, GIVE_UP_AFTER_S if gives_up else ANSWER_WITHIN_S)
            if gives_up and self._rng.random() < 0.5:
                await channel.ask(bid, ANSWER_WITHIN_S)
            if bid.outcome != "pending":
                self.answers[way] += 1
            if minimum := bid.answer.get("minimum"):
                self._minimum[bid.auction_id] = max(minimum, self._minimum[bid.auction_id])
            await asyncio.sleep(self._rng.uniform(0, max_pause_s))


def assert_nothing_acknowledged_is_lost(sent: Sequence[Sent], logs: Mapping[str, Sequence[Event]]) -> None:
    """`logs` are those of all auctions, whole: each answer is that of one recorded bid, none is recorded twice."""
    recorded: dict[tuple[str, str, str], list[Event]] = {}
    for auction_id, events in logs.items():
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        for event in events:
            if "bid_id" in event.private:
                key = (auction_id, event.private["actor"], event.private["bid_id"])
                recorded.setdefault(key, []).append(event)
    twice = {key: events for key, events in recorded.items() if len(events) > 1}
    assert not twice, "several events for one bid_id"
    for bid in sent:
        events = recorded.pop((bid.auction_id, bid.bidder_id, bid.bid_id), [])
        if bid.outcome == "refused":
            assert not events, f"recorded, though refused: {bid}"
            continue
        assert bid.outcome in {"accepted", "outbid"}, f"never answered: {bid}"
        assert events, f"acknowledged and lost: {bid}"
        event = events[0]
        leads = event.public["leader"]["id"] == bid.bidder_id
        assert (event.private["amount"], event.private["bid_kind"]) == (bid.amount, bid.kind)
        assert bid.outcome == ("accepted" if leads else "outbid"), bid
        for name in ("seq", "price", "minimum", "ends_at"):
            assert bid.answer[name] == event.public[name], (name, bid, event)
    assert not recorded, "recorded bids that were never sent"
