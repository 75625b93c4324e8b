"""The one call that must be quick: a bid, from its bytes to its answer, with nothing in between.

`BidRoute` takes `POST /v1/auctions/{auction_id}/bids` before Litestar sees it; the route of that name in `api.py`
documents it and would answer the same.
"""

from time import perf_counter
from typing import Final

import msgspec

from blytz.auction.api_schemas import NewBid, read_new_bid
from blytz.auction.model import Receipt, Refused
from blytz.auction.service import AuctionService, refusal
from blytz.identity import Identity, Principal
from blytz.kit.http import (
    Gone,
    Receive,
    Scope,
    Send,
    bearer_token,
    read_body,
    request_id,
    send_json,
    send_problem,
    unexpected,
)
from blytz.kit.metrics import Counter, Metrics
from blytz.kit.problems import Problem

ROOT: Final = "/v1/auctions/"
LEAF: Final = "/bids"

_encode = msgspec.json.Encoder().encode


def is_bid(scope: Scope) -> bool:
    path: str = scope.get("path", "")
    return path.endswith(LEAF) and scope["method"] == "POST" and path.startswith(ROOT)


class BidRoute:
    """An ASGI application for the requests that `is_bid` picks. Nothing is logged for a bid that was decided; it
    is counted."""

    def __init__(self, service: AuctionService, identity: Identity, answered: Counter, metrics: Metrics) -> None:
        self._service = service
        self._identity = identity
        self._answered = answered
        self._bids = metrics.counter("blytz_bids", "Bids by outcome or by the code of their refusal", "outcome")
        self._seconds = metrics.histogram(
            "blytz_bid_decision_seconds", "From a bid that was read to its outcome, durable"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorization = given = None
        announced = 0
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"x-request-id":
                given = value
            elif name == b"content-length":
                announced = int(value)
        name_of_request = request_id(given)
        try:
            caller = await self._identity.admit(bearer_token(authorization))
            auction_id = scope["path"][len(ROOT) : -len(LEAF)]
            bid = read_new_bid(await read_body(receive, announced))
            receipt = await self.decide(caller, auction_id, bid, name_of_request)
        except Problem as problem:
            await self._refuse(send, problem, name_of_request)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the bidder gets an answer
            await self._refuse(send, unexpected(error), name_of_request)
        else:
            self._answered.add("201")
            await send_json(send, 201, _encode(receipt), name_of_request)

    async def decide(self, caller: Principal, auction_id: str, bid: NewBid, request_id: str) -> Receipt:
        """Raises what the service raises, and the refusal as a problem."""
        began = perf_counter()
        try:
            told = await self._service.bid(caller, auction_id, bid.bid_id, bid.amount, bid.kind, request_id)
        except Problem as problem:
            self._bids.add(problem.code)
            raise
        self._seconds.add(perf_counter() - began)
        if isinstance(told, Refused):
            self._bids.add(told.code)
            raise refusal(told)
        self._bids.add("replayed" if told.replayed else told.outcome)
        return told

    async def _refuse(self, send: Send, problem: Problem, request_id: str) -> None:
        self._answered.add(str(problem.status))
        await send_problem(send, problem, request_id)
