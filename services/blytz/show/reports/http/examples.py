"""Good requests and their answers, as the documentation shows them; a test sends each one through the gateway."""

from typing import Any, Final

_ANN: Final = {"id": "usr_1e8d204f1a0c2f6d7c4b1e8d204f1a0c", "name": "Ann"}
_MO: Final = {"id": "usr_2c9f204f1a0c2f6d7c4b1e8d204f1a0c", "name": "Mo"}
_LOT_ID: Final = "lot_01m8atq6xptjyda5rq82v5p47f"
_NEW: Final = {"reason": "fraud", "lot_id": _LOT_ID, "text": "This bowl is not by hand."}
_REPORT: Final[dict[str, Any]] = _NEW | {
    "report_id": "rep_01m8atq6xptjyda5rq82v5p47f",
    "at": 1_760_000_000_000,
    "by": _ANN,
    "message_id": None,
    "user_id": None,
    "lot_title": None,
    "handled_at": None,
    "handled_by": None,
    "messages": [],
}

REQUESTS: Final[dict[str, dict[str, Any]]] = {"createReport": {"a lot": _NEW}}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "createReport": {"a lot": _REPORT},
    "listReports": {"one": {"reports": [_REPORT | {"lot_title": "Tea bowl, celadon glaze"}], "cursor": "17"}},
    "handleReport": {"handled": _REPORT | {"handled_at": 1_760_000_060_000, "handled_by": _MO}},
}
