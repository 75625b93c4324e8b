"""The problems that the calls of chat and moderation may answer with."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.chat import Said
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
from blytz.show.chat.service import FORBIDDEN_TO_SPEAK, ChatCode
from blytz.show.model import ShowCode
from blytz.show.moderation.rules_service import FORBIDDEN
from blytz.show.moderation.service import NO_MESSAGE, TEXT_REFUSED, TOO_MANY_MUTES
from blytz.show.service import refusal

_WHY: Final = {
    ChatCode.TEXT_REFUSED: "a message is one line of 1 to 300 visible characters",
    ChatCode.MESSAGE_ID_REUSED: "this message_id is another user's",
    ChatCode.NOT_LIVE: "the show is not live",
    ChatCode.BLOCKED: "the seller has blocked you",
    ChatCode.MUTED: "you are muted in this show",
    ChatCode.SLOW_MODE: "the chat is in slow mode",
}


def problem_of(said: Said) -> Problem:
    """The problem for a message that was refused."""
    code = ChatCode(said.code or "")
    if code is ChatCode.SHOW_NOT_FOUND:
        return refusal(ShowCode.SHOW_NOT_FOUND)
    if code is ChatCode.RATE_LIMITED:
        return RateLimited(retry_after_ms=said.retry_after_ms)
    return Conflict(said.detail or _WHY[code], code=code, retry_after_ms=said.retry_after_ms)


_NO_SHOW: Final = refusal(ShowCode.SHOW_NOT_FOUND)
_CALLER: Final = (*TOKEN, RateLimited(retry_after_ms=150), _NO_SHOW)
_MODERATOR: Final = (*_CALLER, Forbidden("only its seller and moderators may do this in a show"), *WRITE_FAILED)
_NOT_WATCHED: Final = refusal(ShowCode.SHOW_NOT_LIVE)
_NO_USER: Final = malformed("user_id", "must be 1 to 128 visible ASCII characters, none of them a slash")
_HAS_END: Final = (ChatCode.MUTED, ChatCode.SLOW_MODE)

SAY: Final = documented(
    *_CALLER,
    FORBIDDEN_TO_SPEAK,
    *(problem_of(Said(code, retry_after_ms=4_000 if code in _HAS_END else None)) for code in _WHY),
    *WRITE_FAILED,
    *malformed_body("text", "is missing"),
)
REMOVE: Final = documented(*_MODERATOR, NO_MESSAGE, malformed("limit", "is not a known parameter"))
MUTE: Final = documented(
    *_MODERATOR, _NOT_WATCHED, TOO_MANY_MUTES, *malformed_body("for_ms", "Expected `int` >= 1")
)
UNMUTE: Final = documented(*_MODERATOR, _NOT_WATCHED, _NO_USER)
ANNOUNCE: Final = documented(
    *_MODERATOR, _NOT_WATCHED, TEXT_REFUSED, KeyReused(), *malformed_body("text", "is missing")
)
_SELLER: Final = (*TOKEN, RateLimited(retry_after_ms=150), FORBIDDEN)
RULES: Final = documented(*_SELLER, malformed("limit", "is not a known parameter"), *READ_FAILED)
SET_RULES: Final = documented(*_SELLER, *SQL_WRITE_FAILED, *malformed_body("words", "is missing"))
