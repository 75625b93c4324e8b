"""The one call that must be quick: a bid, from its bytes to its answer, without a framework in between.

`BidRoute` takes `POST /v1/auctions/{auction_id}/bids` before Litestar sees it; the route in `routes.py` documents
it and gives the same answer.
"""

from time import perf_counter
from typing import Final

import msgspec

from blytz.auction.http.schemas import NewBid, read_new_bid
from blytz.auction.model import Code, Receipt, Refused
from blytz.auction.service import AuctionService, refusal
from blytz.identity import Identity, Principal
from blytz.kit.http.asgi import (
    AnswerCounts,
    Gone,
    Receive,
    Scope,
    Send,
    bearer_token,
    read_body,
    safe_request_id,
    send_json,
    send_problem,
    unexpected,
)
from blytz.kit.http.parse import refuse_parameters
from blytz.kit.problems import RETRY_BID, Problem, StoreUnavailable, advised
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics

ROOT: Final = "/v1/auctions/"
LEAF: Final = "/bids"

_encode = msgspec.json.Encoder().encode


def is_bid(scope: Scope) -> bool:
    path: str = scope.get("path", "")
    return path.endswith(LEAF) and scope["method"] == "POST" and path.startswith(ROOT)


class BidRoute:
    """An ASGI application for the requests that `is_bid` picks. Each bid is counted and has a line in the log."""

    def __init__(
        self, service: AuctionService, identity: Identity, counts: AnswerCounts, metrics: Metrics
    ) -> None:
        self._service = service
        self._identity = identity
        self._counts = counts
        self._bids = metrics.counter("blytz_bids", "Bids answered, by outcome and code", "outcome", "code")
        self._seconds = metrics.histogram(
            "blytz_bid_decision_seconds", "From a bid that was read to its outcome, durable"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorization = given_id = None
        announced = 0
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"x-request-id":
                given_id = value
            elif name == b"content-length":
                announced = int(value)
        request_id, auction_id = safe_request_id(given_id), scope["path"][len(ROOT) : -len(LEAF)]
        began, caller, outcome, code = perf_counter(), None, "refused", ""
        try:
            caller = await self._identity.admit(bearer_token(authorization))
            if scope["query_string"]:
                refuse_parameters(scope["query_string"])
            bid = read_new_bid(await read_body(receive, announced))
            receipt = await self.decide(caller, auction_id, bid, request_id)
        except Problem as problem:
            outcome, code = outcome_of(problem), problem.code
            await self._refuse(send, advised(problem, RETRY_BID), request_id)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the bidder gets an answer
            outcome, code = "failed", Problem.code
            await self._refuse(send, unexpected(error), request_id)
        else:
            outcome = "replayed" if receipt.replayed else receipt.outcome
            self._counts.add("201")
            await send_json(send, 201, _encode(receipt), request_id)
        user_id = caller.id if caller else None
        lines.bid(request_id, user_id, auction_id, outcome, code, perf_counter() - began)

    async def decide(self, caller: Principal, auction_id: str, bid: NewBid, request_id: str) -> Receipt:
        """Raises what the service raises, and the refusal as a problem."""
        began = perf_counter()
        try:
            answer = await self._service.bid(caller, auction_id, bid.bid_id, bid.amount, bid.kind, request_id)
        except Problem as problem:
            self._bids.add(outcome_of(problem), problem.code)
            raise
        self._seconds.add(perf_counter() - began)
        if isinstance(answer, Refused) and answer.code is Code.AUCTION_NOT_FOUND:
            answer = await self._decide_late(caller, auction_id, bid, request_id)
        if isinstance(answer, Refused):
            self._bids.add("refused", answer.code.value)
            raise refusal(answer)
        self._bids.add("replayed" if answer.replayed else answer.outcome, "")
        return answer

    async def _decide_late(
        self, caller: Principal, auction_id: str, bid: NewBid, request_id: str
    ) -> Receipt | Refused:
        try:
            return await self._service.bid_late(caller, auction_id, bid.bid_id, bid.amount, bid.kind, request_id)
        except Problem as problem:
            self._bids.add(outcome_of(problem), problem.code)
            raise

    async def _refuse(self, send: Send, problem: Problem, request_id: str) -> None:
        self._counts.add(str(problem.status), "bids")
        await send_problem(send, problem, request_id)


def outcome_of(problem: Problem) -> str:
    """`pending` when it is not known whether the bid was recorded, else `refused`."""
    return "pending" if isinstance(problem, StoreUnavailable) else "refused"
