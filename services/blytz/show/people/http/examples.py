"""Good requests and their answers, as the documentation shows them; a test sends each one through the gateway."""

from typing import Any, Final

_AT: Final = 1_760_000_000_000
_MO: Final = {"user_id": "usr_2c9f204f1a0c2f6d7c4b1e8d204f1a0c", "name": "Mo"}
_BLOCK: Final = {"user_id": _MO["user_id"], "blocked_at": _AT}

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "nameModerator": {"Mo": _MO},
    "setApproval": {"approved": {"approved": True}, "not any more": {"approved": False}},
}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listModerators": {"one": {"moderators": [_MO | {"named_at": _AT}]}},
    "nameModerator": {"Mo": _MO | {"named_at": _AT}},
    "setApproval": {
        "approved": {"user_id": _MO["user_id"], "approved": True},
        "not any more": {"user_id": _MO["user_id"], "approved": False},
    },
    "listBlocks": {"one": {"blocks": [_BLOCK], "cursor": "17"}},
    "blockUser": {"blocked": _BLOCK},
}
