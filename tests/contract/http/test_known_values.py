"""What a refusal says of a value that is none of those that there are."""

from typing import Any

import pytest

from tests.contract.http.test_shows import call
from tests.support.http import Api, problem

NEW_RAFFLE = {"title": "A", "terms": {"format": "raffle"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "values"),
    [
        ("POST", "/v1/shows", {"title": "A", "visibility": "secret"}, "visibility", "public, unlisted, rehearsal"),
        (
            "POST",
            "/v1/shows",
            {"title": "A", "settings": {"mode": "x"}},
            "settings.mode",
            "one_at_a_time, parallel",
        ),
        ("GET", "/v1/shows?status=rude", None, "status", "draft, scheduled, live, paused, ended, cancelled"),
        ("PATCH", "/v1/lots/lot_1", {"terms": {"format": "raffle"}}, "terms.format", "auction, fixed"),
        (
            "POST",
            "/v1/shows/shw_1/lots",
            NEW_RAFFLE,
            "terms.format",
            "auction, fixed",
        ),
        ("POST", "/v1/shows/shw_1/video-token", {"role": "guest"}, "role", "host, cohost, viewer"),
    ],
)
def test_which_values_there_are_is_told(
    api: Api, sam: str, method: str, path: str, body: Any, field: str, values: str
) -> None:
    refused = problem(call(api, method, path, body, by=sam), 422, "invalid_request")

    assert refused["errors"] == [{"path": field, "detail": f"must be one of: {values}"}]


@pytest.mark.parametrize("path", ["/v1/shows", "/v1/auctions", "/v1/shows/shw_1/lots"])
def test_a_cursor_of_no_list_is_named_as_such(api: Api, path: str) -> None:
    refused = problem(api.get(path, cursor="not one"), 422, "invalid_request")

    assert refused["errors"] == [{"path": "cursor", "detail": "is not a cursor of this list"}]
