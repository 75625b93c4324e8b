"""The answer to what a user follows, as the documentation shows it."""

from typing import Any, Final

from blytz.show.http.examples import ANSWERS as OF_SHOWS

_SHOW: Final = OF_SHOWS["listShows"]["one"]["shows"][0]

ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "listFollowing": {
        "a seller and a show": {"sellers": [_SHOW["seller"]], "shows": [_SHOW], "cursor": "17"},
    }
}
