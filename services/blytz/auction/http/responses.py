"""The problems that each call may answer with, as its documentation shows them."""

from typing import Final

from blytz.auction.model import Code, Refused
from blytz.auction.service import refusal
from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import (
    READ_FAILED,
    WRITE_FAILED,
    documented,
    malformed,
    malformed_body,
    write_failed,
)
from blytz.kit.idempotency import KeyReused
from blytz.kit.problems import RETRY_BID, Forbidden, Problem, RateLimited

_TOO_OFTEN: Final = RateLimited(retry_after_ms=150)
_NO_AUCTION: Final = refusal(Refused(Code.AUCTION_NOT_FOUND))


def _refused(*codes: Code) -> list[Problem]:
    return [refusal(Refused(code, minimum=1_100)) for code in codes]


_OF_SELLER: Final = (
    *TOKEN,
    _TOO_OFTEN,
    Forbidden("only its seller may do this to an auction"),
    _NO_AUCTION,
    KeyReused(),
    *WRITE_FAILED,
)
_NO_BODY: Final = malformed_body("by_ms", "is not a known field")
_CHANGE_CODES: Final = (Code.AUCTION_NOT_OPEN, Code.AUCTION_ENDED)

LIST: Final = documented(*TOKEN, malformed("limit", "Expected `int` <= 100"), *READ_FAILED)
READ: Final = documented(*TOKEN, _NO_AUCTION, malformed("limit", "is not a known parameter"), *READ_FAILED)
EVENTS: Final = documented(*TOKEN, _NO_AUCTION, malformed("after", "Expected `int` >= 0"), *READ_FAILED)
CREATE: Final = documented(
    *TOKEN,
    _TOO_OFTEN,
    Forbidden("only a seller may open an auction"),
    KeyReused(),
    *malformed_body("terms.start_price", "Expected `int` >= 1"),
    *WRITE_FAILED,
)
BID: Final = documented(
    *TOKEN,
    _TOO_OFTEN,
    Forbidden("only a bidder may bid"),
    _NO_AUCTION,
    *_refused(
        Code.BID_ID_REUSED,
        Code.AUCTION_NOT_OPEN,
        Code.AUCTION_ENDED,
        Code.BIDDER_IS_SELLER,
        Code.BIDDER_BLOCKED,
        Code.BIDDER_NOT_APPROVED,
        Code.CARD_REQUIRED,
        Code.BUY_NOW_UNAVAILABLE,
        Code.ALREADY_LEADING,
        Code.BID_TOO_LOW,
    ),
    *malformed_body("amount", "Expected `int`, got `str`"),
    *write_failed(RETRY_BID),
)
PAUSE: Final = documented(*_OF_SELLER, *_refused(*_CHANGE_CODES), *_NO_BODY)
CANCEL: Final = PAUSE
CLOSE: Final = documented(*_OF_SELLER, *_refused(Code.AUCTION_NOT_OPEN), *_NO_BODY)
RESUME: Final = documented(*_OF_SELLER, *_refused(Code.AUCTION_NOT_PAUSED), *_NO_BODY)
EXTEND: Final = documented(
    *_OF_SELLER,
    *_refused(*_CHANGE_CODES, Code.HARD_STOP_REACHED),
    *malformed_body("by_ms", "Expected `int` >= 1000"),
)
