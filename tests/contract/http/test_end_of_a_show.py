"""How the end of a show is seen, and what ends with it."""

from typing import Final

import pytest

from tests.contract.http.test_changes import lot_of
from tests.contract.http.test_shows import call
from tests.support.http import Api, problem

TERMS: Final = {"start_price": 500, "duration_ms": 7_000}


@pytest.fixture(scope="module")
def sam(api: Api) -> str:
    """A seller of these tests alone: others look for a show of Sam's on the first page of his."""
    return api.token("A seller who ends", "seller")


def test_a_show_that_is_about_to_end_says_so(api: Api, sam: str) -> None:
    path = lot_of(api, sam, TERMS)
    show = f"/v1/shows/{api.get(path).json()['show_id']}"
    assert api.get(show).json()["is_ending"] is False
    for act in ("start", "next", "end"):
        assert api.post(f"{show}/{act}", by=sam).status_code == 200

    assert (api.get(show).json()["status"], api.get(show).json()["is_ending"]) == ("live", True)
    refused = problem(api.post(f"{show}/next", by=sam), 409, "show_not_live")
    assert refused["detail"] == "the show ends when its open lots close"
    api.post(f"{path}/close", by=sam)
    ended = api.get(show).json()
    assert (ended["status"], ended["is_ending"]) == ("ended", False)


@pytest.mark.parametrize("last", ["end", "cancel"])
def test_pre_bids_are_void_once_the_show_is_over(api: Api, sam: str, anna: str, last: str) -> None:
    path = lot_of(api, sam, TERMS)
    show = f"/v1/shows/{api.get(path).json()['show_id']}"
    assert call(api, "PUT", f"{path}/pre-bid", {"amount": 700}, by=anna).status_code == 200
    assert api.get(path).json()["pre_bids"] == 1

    for act in ("start", "end") if last == "end" else ("cancel",):
        assert api.post(f"{show}/{act}", by=sam).status_code == 200

    assert api.get(path).json()["pre_bids"] == 0
    assert [lot["pre_bids"] for lot in api.get(f"{show}/lots").json()["lots"]] == [0]
