"""The problems that the calls of moderators, approvals and blocks may answer with."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import (
    READ_FAILED,
    SQL_WRITE_FAILED,
    documented,
    malformed,
    malformed_body,
)
from blytz.kit.problems import Forbidden, RateLimited
from blytz.show.model import ShowCode
from blytz.show.people.service import TOO_MANY_APPROVALS, TOO_MANY_BLOCKS, TOO_MANY_MODERATORS
from blytz.show.service import refusal

_NO_SHOW: Final = refusal(ShowCode.SHOW_NOT_FOUND)
_OVER: Final = refusal(ShowCode.SHOW_OVER)
_CALLER: Final = (*TOKEN, RateLimited(retry_after_ms=150))
_OWN: Final = (*_CALLER, Forbidden("only its seller may do this to a show"), _NO_SHOW)
_SELLER: Final = (*_CALLER, Forbidden("only a seller may block users"))
_NO_USER: Final = malformed("user_id", "must be 1 to 128 visible ASCII characters, none of them a slash")

MODERATORS: Final = documented(*TOKEN, _NO_SHOW, malformed("limit", "is not a known parameter"), *READ_FAILED)
NAME: Final = documented(
    *_OWN, _OVER, TOO_MANY_MODERATORS, *SQL_WRITE_FAILED, *malformed_body("user_id", "is missing")
)
REMOVE: Final = documented(*_OWN, *SQL_WRITE_FAILED, _NO_USER)
APPROVE: Final = documented(
    *_OWN, _OVER, TOO_MANY_APPROVALS, *SQL_WRITE_FAILED, *malformed_body("approved", "is missing")
)
BLOCKS: Final = documented(*_SELLER, malformed("limit", "Expected `int` <= 100"), *READ_FAILED)
BLOCK: Final = documented(*_SELLER, TOO_MANY_BLOCKS, *SQL_WRITE_FAILED, _NO_USER)
UNBLOCK: Final = documented(*_SELLER, *SQL_WRITE_FAILED, _NO_USER)
