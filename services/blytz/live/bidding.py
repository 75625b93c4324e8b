"""One bid of one connection, from its frame until its bidder is told."""

from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from blytz.auction.model import Receipt, Refused
from blytz.identity import Principal
from blytz.kit.answer import Answer
from blytz.kit.problems import NotDurable, Problem, StoreUnavailable, Unauthenticated
from blytz.live import protocol
from blytz.live.protocol import PlaceBid

if TYPE_CHECKING:
    from blytz.live.session import Session

log = structlog.get_logger()


class Bidding:
    """`session.bids_out` counts those that are on their way."""

    __slots__ = ("_began", "_bidder", "_message", "_session")

    def __init__(self, session: "Session", message: PlaceBid, bidder: Principal | None) -> None:
        self._began = perf_counter()
        self._session = session
        self._message = message
        self._bidder = bidder

    def place(self) -> None:
        session, message = self._session, self._message
        if self._bidder is None:
            self._tell("refused", Unauthenticated())
            return
        try:
            decided = session.office.service.bid(
                self._bidder, message.auction_id, message.bid_id, message.amount, message.kind, session.request_id
            )
        except Problem as problem:
            self._tell("refused", problem)
            return
        session.bids_out += 1
        decided.then(self._decided)

    def _decided(self, decided: Answer[Receipt | Refused]) -> None:
        self._session.bids_out -= 1
        try:
            judged = decided.result()
        except StoreUnavailable as problem:
            self._tell("pending", problem)
        except Problem as problem:
            self._tell("refused", problem)
        except Exception:
            log.exception("bid_failed", request_id=self._session.request_id)
            self._tell("pending", NotDurable())
        else:
            self._tell(judged.outcome if isinstance(judged, Receipt) else "refused", judged)

    def _tell(self, outcome: protocol.BidOutcome, judged: Receipt | Refused | Problem) -> None:
        session, message = self._session, self._message
        result = protocol.bid_result(message, outcome, judged)
        session.send(protocol.encode(result))
        session.leave_if_done()
        what, seconds = "replayed" if result.replayed else outcome, perf_counter() - self._began
        session.office.told(session.request_id, self._bidder, message.auction_id, what, result.code or "", seconds)
