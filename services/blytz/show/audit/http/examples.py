"""The answer of the audit trail, as the documentation shows it."""

from typing import Any, Final

_SAM: Final = {"id": "usr_1e8d204f1a0c2f6d7c4b1e8d204f1a0c", "name": "Sam"}

ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listActs": {
        "a lot was added": {
            "acts": [
                {
                    "at": 1_760_000_000_000,
                    "by": _SAM,
                    "act": "lot_added",
                    "on": "lot_01m8atq6xptjyda5rq82v5p47f",
                    "detail": "",
                }
            ],
            "cursor": "17",
        }
    }
}
