"""The problems that the calls of reports may answer with."""

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
from blytz.kit.problems import Forbidden, RateLimited
from blytz.show.model import ShowCode
from blytz.show.reports.model import ReportCode
from blytz.show.reports.service import refusal
from blytz.show.service import refusal as refusal_of_show

_CALLER: Final = (*TOKEN, RateLimited(retry_after_ms=150), refusal_of_show(ShowCode.SHOW_NOT_FOUND))
_MODERATOR: Final = (*_CALLER, Forbidden("only its seller and moderators may do this in a show"))

CREATE: Final = documented(
    *_CALLER,
    *WRITE_FAILED,
    refusal(ReportCode.TOO_MANY),
    KeyReused(),
    *malformed_body("reason", "is missing"),
)
PAGE: Final = documented(*_MODERATOR, malformed("limit", "Expected `int` <= 100"), *READ_FAILED)
HANDLE: Final = documented(
    *_MODERATOR,
    *SQL_WRITE_FAILED,
    refusal(ReportCode.REPORT_NOT_FOUND),
    malformed("limit", "is not a known parameter"),
)
