"""The problems that each call may answer with, as its documentation shows them."""

from typing import Final

from blytz.auction.model import Code, Refused
from blytz.auction.service import refusal
from blytz.identity import IssuerUnavailable
from blytz.identity.bans import Banned, TooManyBans
from blytz.kit.http.openapi import documented
from blytz.kit.idempotency import KeyReused
from blytz.kit.problems import (
    RETRY_BID,
    RETRY_READ,
    RETRY_WRITE,
    Forbidden,
    InvalidRequest,
    NotDurable,
    NotFound,
    Overloaded,
    Problem,
    RateLimited,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
    advised,
)


def _unavailable(advice: str) -> tuple[Problem, ...]:
    return (Overloaded(), *(advised(problem, advice) for problem in (StoreUnavailable(), NotDurable())))


_READ_FAILED: Final = (Overloaded(), advised(StoreUnavailable(), RETRY_READ))
_WRITE_FAILED: Final = _unavailable(RETRY_WRITE)
_TOKEN: Final = (
    Unauthenticated("send a token: Authorization: Bearer <token>"),
    Banned("this account has been banned"),
    IssuerUnavailable(),
)
_TOO_OFTEN: Final = RateLimited(retry_after_ms=150)
_KEY_REUSED: Final = KeyReused("this Idempotency-Key was sent with another request")
_NO_AUCTION: Final = refusal(Refused(Code.AUCTION_NOT_FOUND))


def _malformed(path: str, why: str) -> tuple[Problem, ...]:
    """A query that does not hold."""
    return (InvalidRequest(f"{path}: {why}", errors=[{"path": path, "detail": why}]),)


def _malformed_body(path: str, why: str) -> tuple[Problem, ...]:
    return (*_malformed(path, why), TooLarge())


def _refused(*codes: Code) -> list[Problem]:
    return [refusal(Refused(code, minimum=1_100)) for code in codes]


_BID_CODES: Final = (
    Code.BID_ID_REUSED,
    Code.AUCTION_NOT_OPEN,
    Code.AUCTION_ENDED,
    Code.BIDDER_IS_SELLER,
    Code.BIDDER_BLOCKED,
    Code.BUY_NOW_UNAVAILABLE,
    Code.ALREADY_LEADING,
    Code.BID_TOO_LOW,
)
_CHANGE_CODES: Final = (Code.AUCTION_NOT_OPEN, Code.AUCTION_ENDED)
_OWNERS_ONLY: Final = Forbidden("only its seller may do this to an auction")

LIST: Final = documented(*_TOKEN, *_malformed("limit", "Expected `int` <= 100"), *_READ_FAILED)
READ: Final = documented(*_TOKEN, _NO_AUCTION, *_malformed("limit", "is not a known parameter"), *_READ_FAILED)
EVENTS: Final = documented(*_TOKEN, _NO_AUCTION, *_malformed("after", "Expected `int` >= 0"), *_READ_FAILED)
CREATE: Final = documented(
    *_TOKEN,
    _TOO_OFTEN,
    Forbidden("only a seller may open an auction"),
    _KEY_REUSED,
    *_malformed_body("terms.start_price", "Expected `int` >= 1"),
    *_WRITE_FAILED,
)
BID: Final = documented(
    *_TOKEN,
    _TOO_OFTEN,
    Forbidden("only a bidder may bid"),
    _NO_AUCTION,
    *_refused(*_BID_CODES),
    *_malformed_body("amount", "Expected `int`, got `str`"),
    *_unavailable(RETRY_BID),
)
_OWN: Final = (*_TOKEN, _TOO_OFTEN, _OWNERS_ONLY, _NO_AUCTION, _KEY_REUSED)
_NO_MORE: Final = _malformed_body("by_ms", "is not a known field")
PAUSE: Final = documented(*_OWN, *_refused(*_CHANGE_CODES), *_NO_MORE, *_WRITE_FAILED)
CANCEL: Final = PAUSE
CLOSE: Final = documented(*_OWN, *_refused(Code.AUCTION_NOT_OPEN), *_NO_MORE, *_WRITE_FAILED)
RESUME: Final = documented(*_OWN, *_refused(Code.AUCTION_NOT_PAUSED), *_NO_MORE, *_WRITE_FAILED)
EXTEND: Final = documented(
    *_OWN,
    *_refused(*_CHANGE_CODES, Code.HARD_STOP_REACHED),
    *_malformed_body("by_ms", "Expected `int` >= 1000"),
    *_WRITE_FAILED,
)
SIGN_IN: Final = documented(*_malformed_body("name", "is missing"), Overloaded())

_ADMINS_ONLY: Final = Forbidden("only an admin may do this")
_ADMIN: Final = (*_TOKEN, _ADMINS_ONLY, *_malformed("user_id", "does not fit"), RateLimited(), Overloaded())
# Reading bans is reading memory; only a change waits for the store.
_ADMIN_WRITES: Final = (
    *_ADMIN,
    *_WRITE_FAILED[1:],
    TooLarge(),
    TooManyBans("at most 100000 users can be kept; lift old ones first"),
)
PAGE_OF_BANS: Final = documented(*_ADMIN)
ONE_BAN: Final = documented(*_ADMIN, NotFound("this user is not banned"))
PUT_BAN: Final = documented(*_ADMIN_WRITES)
REVOKE: Final = PUT_BAN
LIFT: Final = documented(*_ADMIN, *_WRITE_FAILED[1:])
