"""The problems that the calls of following may answer with."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import READ_FAILED, SQL_WRITE_FAILED, documented, malformed
from blytz.kit.problems import RateLimited
from blytz.show.following.service import TOO_MANY
from blytz.show.model import ShowCode
from blytz.show.service import refusal

_CALLER: Final = (*TOKEN, RateLimited(retry_after_ms=150))
_NO_USER: Final = malformed("user_id", "must be 1 to 128 visible ASCII characters, none of them a slash")
_UNKNOWN_PARAMETER: Final = malformed("limit", "is not a known parameter")

PAGE: Final = documented(*_CALLER, malformed("limit", "Expected `int` <= 100"), *READ_FAILED)
_REFUSED: Final = (refusal(ShowCode.OWN_FOLLOW), refusal(ShowCode.BLOCKED), TOO_MANY)
FOLLOW: Final = documented(*_CALLER, *_REFUSED, *SQL_WRITE_FAILED, _NO_USER)
UNFOLLOW: Final = documented(*_CALLER, *SQL_WRITE_FAILED, _NO_USER)
BOOKMARK: Final = documented(
    *_CALLER, refusal(ShowCode.SHOW_NOT_FOUND), TOO_MANY, *SQL_WRITE_FAILED, _UNKNOWN_PARAMETER
)
REMOVE_BOOKMARK: Final = documented(*_CALLER, *SQL_WRITE_FAILED, _UNKNOWN_PARAMETER)
