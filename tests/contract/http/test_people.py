"""Moderators, approvals, blocks and the audit trail over HTTP."""

from typing import Any

import pytest

from tests.contract.http.test_shows import LOT, call, made, with_lots
from tests.support.http import Api, problem, wrong_fields


def user_id(api: Api, token: str) -> str:
    return api.issuer.verify(token).id


def acts(api: Api, show_id: str, by: str) -> list[tuple[Any, ...]]:
    """The oldest first."""
    page = api.get(f"/v1/shows/{show_id}/audit", by=by).json()
    return [(one["act"], one["by"]["name"], one["on"], one["detail"]) for one in reversed(page["acts"])]


def test_a_named_moderator_may_do_in_this_show_what_moderators_may(api: Api, sam: str) -> None:
    show_id, [first, second] = with_lots(api, sam, 2, visibility="rehearsal")
    other_show, [lot] = with_lots(api, sam, 1)
    friend = api.token("A friend of Sam")
    path, order = f"/v1/shows/{show_id}", {"lot_ids": [second, first]}
    problem(api.get(path, by=friend), 404, "show_not_found")

    named = api.post(f"{path}/moderators", {"user_id": user_id(api, friend), "name": "Mo"}, by=sam)
    assert (named.status_code, named.json()["name"]) == (201, "Mo")
    assert api.get(f"{path}/moderators", by=sam).json() == {"moderators": [named.json()]}

    assert api.get(path, by=friend).status_code == 200
    assert call(api, "PUT", f"{path}/queue", order, by=friend).status_code == 200
    assert api.get(f"{path}/audit", by=friend).status_code == 200
    problem(call(api, "PATCH", path, {"title": "Mine"}, by=friend), 403, "forbidden")
    problem(api.post(f"{path}/lots", LOT, by=friend), 403, "forbidden")
    problem(call(api, "PUT", f"/v1/shows/{other_show}/queue", {"lot_ids": [lot]}, by=friend), 403, "forbidden")
    problem(api.post(f"{path}/moderators", {"user_id": "usr_x", "name": "X"}, by=friend), 403, "forbidden")

    for _ in range(2):
        removed = call(api, "DELETE", f"{path}/moderators/{user_id(api, friend)}", by=sam)
        assert removed.status_code == 204
    problem(call(api, "PUT", f"{path}/queue", order, by=friend), 404, "show_not_found")


def test_blocked_users_are_listed_for_their_seller_alone(api: Api) -> None:
    seller, other = api.token("A seller who blocks", "seller"), api.token("A seller who does not", "seller")

    first = call(api, "PUT", "/v1/sellers/me/blocks/usr_1", by=seller).json()
    again = call(api, "PUT", "/v1/sellers/me/blocks/usr_1", by=seller).json()
    second = call(api, "PUT", "/v1/sellers/me/blocks/usr_2", by=seller).json()

    assert first == again
    page = api.get("/v1/sellers/me/blocks", by=seller, limit=1).json()
    assert page["blocks"] == [second]
    following = api.get("/v1/sellers/me/blocks", by=seller, limit=1, cursor=page["cursor"]).json()
    assert following == {"blocks": [first], "cursor": None}
    assert api.get("/v1/sellers/me/blocks", by=other).json()["blocks"] == []
    assert call(api, "DELETE", "/v1/sellers/me/blocks/usr_1", by=seller).status_code == 204
    assert api.get("/v1/sellers/me/blocks", by=seller).json()["blocks"] == [second]


def test_every_act_is_on_record_with_who_did_it(api: Api) -> None:
    seller, root = api.token("A seller on record", "seller"), api.token("Root", "admin")
    name = "A seller on record"
    show_id, [lot_id] = with_lots(api, seller, 1)
    path = f"/v1/shows/{show_id}"
    call(api, "PATCH", path, {"title": "Clay", "tags": ["tea"]}, by=root)
    call(api, "PATCH", f"/v1/lots/{lot_id}", {"title": "Vase"}, by=seller)
    call(api, "PUT", f"{path}/queue", {"lot_ids": [lot_id]}, by=seller)
    call(api, "DELETE", f"/v1/lots/{lot_id}", by=seller)
    api.post(f"{path}/moderators", {"user_id": "usr_mo", "name": "Mo"}, by=seller)
    call(api, "DELETE", f"{path}/moderators/usr_mo", by=seller)
    for approved in (True, False):
        answer = call(api, "PUT", f"{path}/bidders/usr_ann", {"approved": approved}, by=seller)
        assert answer.json() == {"user_id": "usr_ann", "approved": approved}
    call(api, "PUT", "/v1/sellers/me/blocks/usr_ann", by=seller)
    call(api, "DELETE", "/v1/sellers/me/blocks/usr_ann", by=seller)

    assert acts(api, show_id, seller) == [
        ("show_created", name, None, ""),
        ("lot_added", name, lot_id, ""),
        ("show_changed", "Root", None, "title, tags"),
        ("lot_changed", name, lot_id, "title"),
        ("queue_ordered", name, None, "lots: 1"),
        ("lot_removed", name, lot_id, ""),
        ("moderator_named", name, "usr_mo", "Mo"),
        ("moderator_removed", name, "usr_mo", ""),
        ("bidder_approved", name, "usr_ann", ""),
        ("approval_withdrawn", name, "usr_ann", ""),
        ("user_blocked", name, "usr_ann", ""),
        ("user_unblocked", name, "usr_ann", ""),
    ]
    problem(api.get(f"{path}/audit", by=api.token("Anna")), 403, "forbidden")


@pytest.mark.parametrize(
    ("body", "paths"),
    [({}, ["user_id", "name"]), ({"user_id": "a b", "name": "\u202e"}, ["user_id", "name"])],
)
def test_every_wrong_field_of_a_moderator_is_named(api: Api, sam: str, body: Any, paths: list[str]) -> None:
    show_id = made(api, sam)["show_id"]

    assert wrong_fields(api.post(f"/v1/shows/{show_id}/moderators", body, by=sam)) == paths
