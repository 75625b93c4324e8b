"""Good requests of identity and their answers, by operation and by the name of the example."""

from typing import Any, Final

_AT: Final = 1_760_000_000_000
_USER: Final = "usr_4f1a0c2f6d7c4b1e8d20"
_REASON: Final = "paid for nothing, three times"
_BAN: Final = {"user_id": _USER, "reason": _REASON, "banned_by": "usr_8d204f1a0c2f6d7c4b1e", "banned_at": _AT}
_REVOKED: Final = {"user_id": _USER, "revoked_before": _AT}
_TOKEN: Final = {"token": "<header>.<claims>.<signature>"}

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "ban": {"a fraud": {"reason": _REASON}},
    "revokeTokens": {"a lost phone": {}, "up to a moment": {"before": _AT}},
    "signIn": {"a bidder": {"name": "Anna"}, "a seller": {"name": "Sam", "roles": ["seller"]}},
}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listBans": {"one": {"bans": [_BAN], "cursor": None}},
    "getBan": {"a fraud": _BAN},
    "ban": {"a fraud": _BAN},
    "revokeTokens": {"a lost phone": _REVOKED, "up to a moment": _REVOKED},
    "signIn": {"a bidder": _TOKEN, "a seller": _TOKEN},
}
