"""The problems that each call may answer with, as its documentation shows them."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import (
    READ_FAILED,
    SQL_WRITE_FAILED,
    WRITE_FAILED,
    documented,
    malformed,
    malformed_body,
)
from blytz.kit.idempotency import KeyReused
from blytz.kit.problems import Conflict, Forbidden, Problem, RateLimited
from blytz.show.model import ShowCode
from blytz.show.running.rooms import VideoUnavailable
from blytz.show.service import refusal
from blytz.show.video.rooms import WebhookRefused

_NO_SHOW: Final = refusal(ShowCode.SHOW_NOT_FOUND)
_NO_LOT: Final = refusal(ShowCode.LOT_NOT_FOUND)
_CALLER: Final = (*TOKEN, RateLimited(retry_after_ms=150))
_OWN: Final = (*_CALLER, Forbidden("only its seller may do this to a show"))


def _refused(*codes: ShowCode) -> list[Problem]:
    return [refusal(code) for code in codes]


LIST: Final = documented(*TOKEN, malformed("limit", "Expected `int` <= 100"), *READ_FAILED)
READ: Final = documented(*TOKEN, _NO_SHOW, malformed("limit", "is not a known parameter"), *READ_FAILED)
READ_LOT: Final = documented(*TOKEN, _NO_LOT, malformed("limit", "is not a known parameter"), *READ_FAILED)
CREATE: Final = documented(
    *_CALLER,
    *WRITE_FAILED,
    Forbidden("only a seller may make a show"),
    KeyReused(),
    *malformed_body("title", "is missing"),
)
CHANGE: Final = documented(
    *_OWN,
    _NO_SHOW,
    *SQL_WRITE_FAILED,
    *_refused(ShowCode.VERSION_CONFLICT, ShowCode.SHOW_SCHEDULED, ShowCode.SHOW_STARTED, ShowCode.SHOW_OVER),
    *malformed_body("title", "Expected `str`, got `int`"),
)
ADD_LOT: Final = documented(
    *_OWN,
    _NO_SHOW,
    *WRITE_FAILED,
    *_refused(ShowCode.TOO_MANY, ShowCode.SHOW_OVER),
    KeyReused(),
    *malformed_body("terms.start_price", "Expected `int` >= 1"),
)
CHANGE_LOT: Final = documented(
    *_OWN,
    _NO_LOT,
    *SQL_WRITE_FAILED,
    *_refused(ShowCode.LOT_NOT_QUEUED, ShowCode.QUANTITY_NOT_ONE),
    *malformed_body("title", "Expected `str`, got `int`"),
)
REMOVE_LOT: Final = documented(
    *_OWN,
    _NO_LOT,
    *SQL_WRITE_FAILED,
    *_refused(ShowCode.LOT_NOT_QUEUED),
    malformed("limit", "is not a known parameter"),
)
QUEUE: Final = documented(
    *_OWN,
    _NO_SHOW,
    *SQL_WRITE_FAILED,
    *_refused(ShowCode.VERSION_CONFLICT),
    *malformed_body("lot_ids", "is missing"),
)
_NO_BODY: Final = malformed("limit", "is not a known parameter")
_LED: Final = (*_CALLER, Forbidden("only its seller and moderators may do this to a show"))
START: Final = documented(*_OWN, _NO_SHOW, *WRITE_FAILED, *_refused(ShowCode.SHOW_OVER), KeyReused(), _NO_BODY)
TURN: Final = documented(
    *_OWN, _NO_SHOW, *WRITE_FAILED, *_refused(ShowCode.SHOW_NOT_LIVE, ShowCode.LOT_DAMAGED), KeyReused(), _NO_BODY
)
CANCEL: Final = documented(
    *_OWN,
    _NO_SHOW,
    *WRITE_FAILED,
    *_refused(ShowCode.SHOW_STARTED, ShowCode.SHOW_OVER),
    KeyReused(),
    _NO_BODY,
)
END: Final = documented(
    *_OWN,
    _NO_SHOW,
    *WRITE_FAILED,
    *_refused(ShowCode.SHOW_NOT_LIVE, ShowCode.SHOW_OVER, ShowCode.LOT_DAMAGED),
    KeyReused(),
    *malformed_body("now", "Expected `bool`, got `int`"),
)
_OPENS: Final = (
    *_LED,
    *WRITE_FAILED,
    *_refused(
        ShowCode.SHOW_NOT_LIVE,
        ShowCode.SHOW_OVER,
        ShowCode.LOT_ALREADY_OPEN,
        ShowCode.LOT_NOT_QUEUED,
        ShowCode.TOO_MANY,
    ),
    KeyReused(),
)
NEXT: Final = documented(*_OPENS, _NO_SHOW, _NO_BODY)
OPEN_LOT: Final = documented(*_OPENS, _NO_LOT, _NO_BODY)
RERUN_LOT: Final = documented(
    *_OPENS,
    _NO_LOT,
    *_refused(ShowCode.QUANTITY_NOT_ONE),
    *malformed_body("terms.start_price", "Expected `int` >= 1"),
)
CLOSE_LOT: Final = documented(
    *_OWN, _NO_LOT, *WRITE_FAILED, *_refused(ShowCode.LOT_NOT_OPEN, ShowCode.LOT_DAMAGED), KeyReused(), _NO_BODY
)
PRE_BID: Final = documented(
    *_CALLER,
    Forbidden("only a bidder may bid"),
    _NO_LOT,
    *SQL_WRITE_FAILED,
    *_refused(
        ShowCode.LOT_NOT_QUEUED,
        ShowCode.LOT_NOT_AUCTIONED,
        ShowCode.BIDDER_IS_SELLER,
        ShowCode.BIDDER_BLOCKED,
        ShowCode.SHOW_OVER,
        ShowCode.TOO_MANY,
    ),
    Conflict("the bid is below the minimum", code=ShowCode.BID_TOO_LOW, minimum=1_000),
    *malformed_body("amount", "Expected `int` >= 1"),
)
NO_PRE_BID: Final = documented(
    *_CALLER,
    _NO_LOT,
    *SQL_WRITE_FAILED,
    *_refused(ShowCode.LOT_NOT_QUEUED),
    _NO_BODY,
)

_NO_VIDEO: Final = VideoUnavailable("no LiveKit is configured here: show a still picture")
JOIN_VIDEO: Final = documented(
    *TOKEN,
    Forbidden("only its seller is the host of a show"),
    _NO_SHOW,
    *_refused(ShowCode.SHOW_NOT_LIVE, ShowCode.SHOW_OVER),
    *SQL_WRITE_FAILED,
    _NO_VIDEO,
    *malformed_body("role", "must be one of: host, cohost, viewer"),
)
STAGE: Final = documented(*_LED, _NO_SHOW, *SQL_WRITE_FAILED, _NO_VIDEO, _NO_BODY)
VIDEO_EVENT: Final = documented(
    WebhookRefused("this event is not signed by the LiveKit that is configured here"), *SQL_WRITE_FAILED, _NO_VIDEO
)
