"""Reports of viewers over HTTP."""

from typing import Any

import pytest

from tests.contract.http.test_shows import call, made, with_lots
from tests.support.http import Api, problem, wrong_fields


def test_a_report_is_read_and_handled_by_those_who_moderate(api: Api, sam: str) -> None:
    show_id, [lot_id] = with_lots(api, sam, 1)
    path, viewer, moderator = f"/v1/shows/{show_id}/reports", api.token("A viewer"), api.token("Mo", "moderator")
    body = {"reason": "fraud", "lot_id": lot_id, "text": "This is glued."}

    report, again = (api.post(path, body, by=viewer, Idempotency_Key="r-1").json() for _ in range(2))

    assert report == again
    assert (report["by"]["name"], report["reason"], report["handled_at"]) == ("A viewer", "fraud", None)
    problem(api.get(path, by=viewer), 403, "forbidden")
    assert api.get(path, by=sam).json() == {"reports": [report | {"lot_title": "Tea bowl"}], "cursor": None}
    handled = call(api, "PUT", f"{path}/{report['report_id']}/handled", by=moderator).json()
    assert handled["handled_by"]["name"] == "Mo"
    assert call(api, "PUT", f"{path}/{report['report_id']}/handled", by=sam).json() == handled
    [newest, *_] = api.get(f"/v1/shows/{show_id}/audit", by=sam).json()["acts"]
    assert (newest["act"], newest["on"], newest["by"]["name"]) == ("report_handled", report["report_id"], "Mo")


@pytest.mark.parametrize(
    ("body", "paths"), [({}, ["reason"]), ({"reason": "envy", "user_id": "a b"}, ["reason", "user_id"])]
)
def test_every_wrong_field_of_a_report_is_named(api: Api, sam: str, body: Any, paths: list[str]) -> None:
    show_id = made(api, sam)["show_id"]

    assert wrong_fields(api.post(f"/v1/shows/{show_id}/reports", body, by=sam)) == paths
