"""Good requests and their answers, as the documentation shows them; a test sends each one through the gateway."""

from typing import Any, Final

_USER_ID: Final = "usr_2c9f204f1a0c2f6d7c4b1e8d204f1a0c"
_MESSAGE: Final = {"message_id": "m-1", "text": "Is it signed?"}
_TEXT: Final = "Free shipping until nine."

_RULES: Final = {"words": ["junk"], "links": "text", "on_match": "mask"}

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "sayInShow": {"a question": _MESSAGE},
    "muteUser": {"a minute": {"for_ms": 60_000}, "for good": {}},
    "announceInShow": {"shipping": {"text": _TEXT}},
    "setChatRules": {"one word": _RULES},
}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "sayInShow": {"a question": {"message_id": "m-1", "seq": 17, "changed": False}},
    "muteUser": {
        "a minute": {"user_id": _USER_ID, "for_ms": 60_000},
        "for good": {"user_id": _USER_ID, "for_ms": None},
    },
    "announceInShow": {"shipping": {"announcement_id": "ann_01m8atq6xptjyda5rq82v5p47f", "text": _TEXT}},
    "getChatRules": {"one word": _RULES},
    "setChatRules": {"one word": _RULES},
}
