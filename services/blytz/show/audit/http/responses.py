"""The problems that the call of the audit trail may answer with."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import READ_FAILED, documented, malformed
from blytz.kit.problems import Forbidden, RateLimited
from blytz.show.model import ShowCode
from blytz.show.service import refusal

PAGE: Final = documented(
    *TOKEN,
    RateLimited(retry_after_ms=150),
    Forbidden("only its seller and moderators may do this in a show"),
    refusal(ShowCode.SHOW_NOT_FOUND),
    malformed("limit", "Expected `int` <= 100"),
    *READ_FAILED,
)
