"""The problems that each call of identity may answer with, and those of every call with a token."""

from typing import Final

from blytz.identity import IssuerUnavailable
from blytz.identity.bans import Banned, TooManyBans
from blytz.kit.http.responses import WRITE_FAILED, documented, malformed, malformed_body
from blytz.kit.problems import Forbidden, NotFound, Overloaded, RateLimited, TooLarge, Unauthenticated

TOKEN: Final = (
    Unauthenticated("send a token: Authorization: Bearer <token>"),
    Banned("this account has been banned"),
    IssuerUnavailable(),
)
_ADMIN: Final = (
    *TOKEN,
    Forbidden("only an admin may do this"),
    malformed("user_id", "does not fit"),
    RateLimited(),
)
LIST: Final = documented(*_ADMIN, Overloaded())
READ: Final = documented(*_ADMIN, Overloaded(), NotFound("this user is not banned"))
LIFT: Final = documented(*_ADMIN, *WRITE_FAILED)
BAN_OR_REVOKE: Final = documented(
    *_ADMIN, *WRITE_FAILED, TooLarge(), TooManyBans("at most 100000 users can be kept; lift old ones first")
)
SIGN_IN: Final = documented(*malformed_body("name", "is missing"), Overloaded())
