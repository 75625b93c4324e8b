"""One bid of one connection, from its frame until its bidder is answered."""

from time import perf_counter

import structlog

from blytz.auction.model import Receipt, Refused
from blytz.identity import Principal
from blytz.kit.answer import Answer
from blytz.kit.problems import NotDurable, Problem, StoreUnavailable, Unauthenticated
from blytz.live import protocol
from blytz.live.context import ClientConnection
from blytz.live.protocol import PlaceBid

log = structlog.get_logger()


class Bidding:
    """`connection.answers_due` counts those that are on their way."""

    __slots__ = ("_began", "_bidder", "_connection", "_message")

    def __init__(self, connection: ClientConnection, message: PlaceBid, bidder: Principal | None) -> None:
        self._began = perf_counter()
        self._connection = connection
        self._message = message
        self._bidder = bidder

    def place(self) -> None:
        connection, message = self._connection, self._message
        if self._bidder is None:
            self._tell("refused", Unauthenticated())
            return
        try:
            decided = connection.context.service.bid(
                self._bidder,
                message.auction_id,
                message.bid_id,
                message.amount,
                message.kind,
                connection.request_id,
            )
        except Problem as problem:
            self._tell("refused", problem)
            return
        connection.answers_due += 1
        decided.then(self._decided)

    def _decided(self, decided: Answer[Receipt | Refused]) -> None:
        self._connection.answers_due -= 1
        try:
            judged = decided.result()
        except StoreUnavailable as problem:
            self._tell("pending", problem)
        except Problem as problem:
            self._tell("refused", problem)
        except Exception:
            log.exception("bid_failed", request_id=self._connection.request_id)
            self._tell("pending", NotDurable())
        else:
            self._tell(judged.outcome if isinstance(judged, Receipt) else "refused", judged)

    def _tell(self, outcome: protocol.BidOutcome, judged: Receipt | Refused | Problem) -> None:
        connection, message = self._connection, self._message
        result = protocol.bid_result(message, outcome, judged)
        connection.send(protocol.encode(result))
        connection.leave_if_done()
        what, seconds = "replayed" if result.replayed else outcome, perf_counter() - self._began
        connection.context.answered(
            connection.request_id, self._bidder, message.auction_id, what, result.code or "", seconds
        )
