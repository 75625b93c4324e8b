"""Bidders in a closed loop, over WebSocket or HTTP. Every bid is acceptable, so that both servers do the same
work: an auction has one bid under way at a time, from a bidder who does not lead, at the last known minimum."""

import asyncio
import time
from collections import deque

import msgspec

from bench.jobs import BidsJob, Result
from bench.tally import Tally
from bench.wire import HttpConnection, Socket, connect_all, messages_in

NOBODY = -1
FIRST_PRICE = 100
WARM_UP_S = 1.0


class Lot:
    __slots__ = ("auction_id", "leader", "minimum")

    def __init__(self, auction_id: str) -> None:
        self.auction_id = auction_id
        self.leader = NOBODY
        self.minimum = FIRST_PRICE


class FreeLots:
    """The auctions without a bid under way, the one that waited longest first."""

    def __init__(self, auctions: list[str]) -> None:
        self._free = deque(Lot(auction_id) for auction_id in auctions)
        self._bids = 0

    def take(self, bidder: int) -> Lot:
        for _ in range(len(self._free)):
            lot = self._free.popleft()
            if lot.leader != bidder:
                return lot
            self._free.append(lot)
        raise RuntimeError("too few auctions for so many bidders")

    def give_back(self, lot: Lot, leader: int, minimum: int) -> None:
        lot.leader, lot.minimum = leader, minimum
        self._free.append(lot)

    def next_bid_id(self) -> str:
        self._bids += 1
        return f"b{self._bids}"


class _Receipt(msgspec.Struct):
    outcome: str = ""
    minimum: int | None = None
    code: str | None = None


class _Result(_Receipt):
    type: str = ""


_receipt = msgspec.json.Decoder(_Receipt)
_result = msgspec.json.Decoder(_Result)


class Bidder:
    """The part that both transports share: takes a lot, sends a bid, and repeats after each answer."""

    def __init__(self, number: int, lots: FreeLots, tally: Tally) -> None:
        self._number, self._lots, self._tally = number, lots, tally
        self._lot: Lot | None = None
        self._sent_at = 0.0
        self.going = True

    def send(self, lot: Lot, bid_id: str) -> None:
        raise NotImplementedError

    def bid(self) -> None:
        lot = self._lot = self._lots.take(self._number)
        self._sent_at = time.perf_counter()
        self.send(lot, self._lots.next_bid_id())

    def on_receipt(self, receipt: _Receipt) -> None:
        lot = self._lot
        if lot is None:
            return
        self._lot = None
        self._tally.answered(receipt.code or receipt.outcome, time.perf_counter() - self._sent_at)
        leader = self._number if receipt.outcome == "accepted" else lot.leader
        self._lots.give_back(lot, leader, receipt.minimum or lot.minimum)
        if self.going:
            self.bid()


class LiveBidder(Bidder, Socket):
    def __init__(self, number: int, lots: FreeLots, tally: Tally, token: str) -> None:
        Socket.__init__(self)
        Bidder.__init__(self, number, lots, tally)
        self._token = token

    def send(self, lot: Lot, bid_id: str) -> None:
        self.send_text(
            b'{"type":"bid","auction_id":"%b","bid_id":"%b","amount":%d,"kind":"exact"}'
            % (lot.auction_id.encode(), bid_id.encode(), lot.minimum)
        )

    def on_text(self, frame: bytes) -> None:
        if not self.ready.done():
            for message in messages_in(frame):
                if message["type"] == "welcome":
                    self.send_text(msgspec.json.encode({"type": "auth", "token": self._token}))
                elif message["type"] == "authenticated":
                    self.ready.set_result(None)
            return
        if frame.startswith(b"["):
            receipts = [msgspec.convert(message, _Result) for message in messages_in(frame)]
        else:
            receipts = [_result.decode(frame)]
        for receipt in receipts:
            if receipt.type in {"bid_result", "error"}:
                self.on_receipt(receipt)


class HttpBidder(Bidder):
    def __init__(self, number: int, lots: FreeLots, tally: Tally, token: str) -> None:
        super().__init__(number, lots, tally)
        self._headers = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._connection = HttpConnection(self._answered)

    async def connect(self, host: str, port: int) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self._connection, host, port)

    def send(self, lot: Lot, bid_id: str) -> None:
        body = b'{"bid_id":"%b","amount":%d,"kind":"exact"}' % (bid_id.encode(), lot.minimum)
        self._connection.post(f"/v1/auctions/{lot.auction_id}/bids", self._headers, body)

    def _answered(self, status: int, body: bytes) -> None:
        self.on_receipt(_receipt.decode(body) if body else _Receipt(code=str(status)))

    def disconnect(self) -> None:
        self._connection.disconnect()


async def run_bids(job: BidsJob) -> Result:
    lots, tally = FreeLots(job.auctions), Tally(job.target)
    kind = LiveBidder if job.transport == "live" else HttpBidder
    bidders = [kind(number, lots, tally, token) for number, token in enumerate(job.tokens)]
    await connect_all(bidder.connect("127.0.0.1", job.target.port) for bidder in bidders)
    for bidder in bidders:
        bidder.bid()
    result = await tally.measure(WARM_UP_S, job.seconds)
    for bidder in bidders:
        bidder.going = False
    # The last answers arrive, so that nothing of this round falls into the next one.
    await asyncio.sleep(0.3)
    for bidder in bidders:
        bidder.disconnect()
    return result
