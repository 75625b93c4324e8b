"""Good requests and their answers, as the documentation shows them; a test sends each one through the gateway."""

from typing import Any, Final

from blytz.auction.model import DEFAULT_INCREMENTS

_TEMPLATE: Final[dict[str, Any]] = {
    "template_id": "tpl_01m8atq6xptjyda5rq82v5p47f",
    "name": "One minute from ten",
    "terms": {
        "currency": "USD",
        "start_price": 1_000,
        "buy_now_price": None,
        "increments": [list(row) for row in DEFAULT_INCREMENTS],
        "ending": "extended",
        "duration_ms": 60_000,
        "extension_window_ms": 10_000,
        "extension_ms": 10_000,
        "max_total_ms": None,
        "reserve_price": 5_000,
    },
}
_TERMS: Final = {"start_price": 1_000, "reserve_price": 5_000, "duration_ms": 60_000}

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "createTemplate": {"one minute": {"name": "One minute from ten", "terms": _TERMS}},
    "changeTemplate": {"another name": {"name": "A minute"}},
}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listTemplates": {"one": {"templates": [_TEMPLATE]}},
    "createTemplate": {"one minute": _TEMPLATE},
    "changeTemplate": {"another name": _TEMPLATE | {"name": "A minute"}},
}
