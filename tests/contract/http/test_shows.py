"""Shows and lots over HTTP: making, changing and finding them, and who may not."""

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest

from tests.support.http import Api, problem, wrong_fields

LOT: Final = {"title": "Tea bowl", "terms": {"start_price": 1_000, "reserve_price": 5_123}}


def call(api: Api, method: str, path: str, body: Any = None, by: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {by}"} if by else {}
    return api.http.request(method, path, json=body, headers=headers)


def made(api: Api, by: str, **fields: Any) -> dict[str, Any]:
    """A new show, scheduled in an hour unless `fields` say otherwise."""
    body = {"title": "Pottery night", "scheduled_at": int(time.time() * 1_000) + 3_600_000, **fields}
    answer = api.post("/v1/shows", body, by=by)
    assert answer.status_code == 201, answer.text
    show: dict[str, Any] = answer.json()
    return show


def with_lots(api: Api, by: str, count: int, **fields: Any) -> tuple[str, list[str]]:
    show_id = made(api, by, **fields)["show_id"]
    lots = [api.post(f"/v1/shows/{show_id}/lots", LOT, by=by) for _ in range(count)]
    assert all(answer.status_code == 201 for answer in lots), lots[0].text
    return show_id, [answer.json()["lot_id"] for answer in lots]


def found(api: Api, by: str | None = None, **query: Any) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    while True:
        page = api.get("/v1/shows", by=by, **query).json()
        ids += [show["show_id"] for show in page["shows"]]
        if page["cursor"] is None:
            return ids
        query["cursor"] = page["cursor"]


def test_a_show_is_a_draft_until_it_has_a_time(api: Api, sam: str) -> None:
    draft = made(api, sam, scheduled_at=None)
    path = f"/v1/shows/{draft['show_id']}"
    assert (draft["status"], draft["version"], draft["lots"]) == ("draft", 1, {"total": 0, "sold": 0})
    problem(api.get(path), 404, "show_not_found")
    assert api.get(path, by=sam).json() == draft

    at = int(time.time() * 1_000) + 60_000
    scheduled = call(api, "PATCH", path, {"scheduled_at": at, "version": 1}, by=sam).json()

    assert (scheduled["status"], scheduled["scheduled_at"], scheduled["version"]) == ("scheduled", at, 2)
    assert api.get(path).json() == scheduled


def test_a_change_of_an_old_version_is_refused(api: Api, sam: str) -> None:
    path = f"/v1/shows/{made(api, sam)['show_id']}"
    assert call(api, "PATCH", path, {"title": "First", "version": 1}, by=sam).json()["version"] == 2

    problem(call(api, "PATCH", path, {"title": "Second", "version": 1}, by=sam), 409, "version_conflict")

    assert api.get(path).json()["title"] == "First"
    assert call(api, "PATCH", path, {"title": "Second"}, by=sam).json()["version"] == 3


def test_a_field_is_cleared_with_null_and_kept_when_it_is_left_out(api: Api, sam: str) -> None:
    show = made(api, sam, category="pots", cover="https://images.example/1.jpg", tags=["tea"])

    changed = call(api, "PATCH", f"/v1/shows/{show['show_id']}", {"category": None}, by=sam).json()

    assert (changed["category"], changed["cover"], changed["tags"]) == (None, show["cover"], ["tea"])


def test_lists_show_what_is_public_and_to_its_seller_everything_of_his(api: Api) -> None:
    seller = api.token("A seller of his own", "seller")
    public = made(api, seller)
    hidden = [
        made(api, seller, **fields)["show_id"]
        for fields in ({"scheduled_at": None}, {"visibility": "unlisted"}, {"visibility": "rehearsal"})
    ]
    whose = {"seller": public["seller"]["id"]}

    assert found(api, **whose) == [public["show_id"]]
    assert set(found(api, by=seller, **whose)) == {public["show_id"], *hidden}
    assert api.get(f"/v1/shows/{hidden[1]}").status_code == 200
    problem(api.get(f"/v1/shows/{hidden[2]}"), 404, "show_not_found")
    assert api.get(f"/v1/shows/{hidden[2]}", by=api.token("Mo", "moderator")).status_code == 200


def test_a_scheduled_show_is_hidden_from_nobody_who_may_have_seen_it(api: Api, sam: str) -> None:
    path = f"/v1/shows/{made(api, sam)['show_id']}"

    for fields in ({"visibility": "rehearsal"}, {"scheduled_at": None}):
        problem(call(api, "PATCH", path, fields, by=sam), 409, "show_scheduled")

    assert api.get(path).json()["version"] == 1


def test_pages_follow_each_other_the_soonest_first(api: Api) -> None:
    seller = api.token("A seller with a plan", "seller")
    at = int(time.time() * 1_000) + 60_000
    later, sooner, last = (made(api, seller, scheduled_at=at + delay) for delay in (200, 100, 300))
    in_order = [show["show_id"] for show in (sooner, later, last)]

    assert found(api, seller=later["seller"]["id"], limit=1) == in_order
    assert found(api, seller=later["seller"]["id"], limit=1, status="live") == []
    assert wrong_fields(api.get("/v1/shows", cursor="not-one-of-ours")) == ["cursor"]


def test_a_search_finds_shows_by_their_lots_too(api: Api, sam: str) -> None:
    show_id, _ = with_lots(api, sam, 1, title="Quartzite evening")
    api.post(f"/v1/shows/{show_id}/lots", {**LOT, "title": "Zylophone"}, by=sam)

    assert found(api, q="QUARTZITE even") == [show_id]
    assert found(api, q="zylo") == [show_id]
    assert found(api, q="quartz evening") == []
    assert found(api, q="!!") == []
    assert found(api, q="\" OR 1=1 '") == []


def test_lots_come_up_in_the_order_of_the_queue(api: Api, sam: str) -> None:
    show_id, [first, second, third] = with_lots(api, sam, 3)
    path = f"/v1/shows/{show_id}/queue"

    ordered = call(api, "PUT", path, {"lot_ids": [third, first, second]}, by=sam)

    assert [lot["lot_id"] for lot in ordered.json()["lots"]] == [third, first, second]
    assert api.get(f"/v1/shows/{show_id}/lots").json() == ordered.json()
    for others in ([third, first], [third, first, first], [third, first, second, "lot_x"]):
        problem(call(api, "PUT", path, {"lot_ids": others}, by=sam), 409, "version_conflict")
    moderator = api.token("Mo", "moderator")
    assert call(api, "PUT", path, {"lot_ids": [first, second, third]}, by=moderator).status_code == 200


def test_lots_come_in_pages(api: Api, sam: str) -> None:
    show_id, lots = with_lots(api, sam, 3)
    path = f"/v1/shows/{show_id}/lots"

    first = api.get(path, limit=2).json()
    last = api.get(path, limit=2, cursor=first["cursor"]).json()

    assert [lot["lot_id"] for lot in first["lots"] + last["lots"]] == lots
    assert last["cursor"] is None
    assert wrong_fields(api.get(path, cursor="x")) == ["cursor"]


def test_a_lot_shows_its_terms_without_the_reserve(api: Api, sam: str) -> None:
    _, [lot_id] = with_lots(api, sam, 1)

    lot = api.get(f"/v1/lots/{lot_id}").json()

    assert (lot["number"], lot["status"], lot["terms"]["start_price"]) == (1, "queued", 1_000)
    assert "5123" not in api.get(f"/v1/lots/{lot_id}", by=sam).text


def test_a_lot_is_changed_and_removed_while_it_is_queued(api: Api, sam: str) -> None:
    show_id, [lot_id, kept] = with_lots(api, sam, 2)
    path = f"/v1/lots/{lot_id}"
    changed = call(api, "PATCH", path, {"title": "Vase", "terms": {"start_price": 7}}, by=sam).json()
    assert (changed["title"], changed["terms"]["start_price"]) == ("Vase", 7)

    assert call(api, "DELETE", path, by=sam).status_code == 204
    assert call(api, "DELETE", path, by=sam).status_code == 204

    assert api.get(path).json()["status"] == "withdrawn"
    problem(call(api, "PATCH", path, {"title": "Cup"}, by=sam), 409, "lot_not_queued")
    assert [lot["lot_id"] for lot in api.get(f"/v1/shows/{show_id}/lots").json()["lots"]] == [kept]
    assert api.get(f"/v1/shows/{show_id}").json()["lots"] == {"total": 1, "sold": 0}


@pytest.mark.parametrize(
    "ask",
    [
        lambda api, show_id, lot_id, by: call(api, "PATCH", f"/v1/shows/{show_id}", {"title": "Mine"}, by),
        lambda api, show_id, lot_id, by: call(api, "POST", f"/v1/shows/{show_id}/lots", LOT, by),
        lambda api, show_id, lot_id, by: call(api, "PUT", f"/v1/shows/{show_id}/queue", {"lot_ids": [lot_id]}, by),
        lambda api, show_id, lot_id, by: call(api, "PATCH", f"/v1/lots/{lot_id}", {"title": "Mine"}, by),
        lambda api, show_id, lot_id, by: call(api, "DELETE", f"/v1/lots/{lot_id}", None, by),
    ],
)
def test_only_its_seller_changes_a_show(api: Api, sam: str, anna: str, ask: Callable[..., httpx.Response]) -> None:
    show_id, [lot_id] = with_lots(api, sam, 1)
    before = api.get(f"/v1/shows/{show_id}").json(), api.get(f"/v1/shows/{show_id}/lots").json()

    problem(ask(api, show_id, lot_id, api.token("Another seller", "seller")), 403, "forbidden")
    problem(ask(api, show_id, lot_id, anna), 403, "forbidden")
    problem(ask(api, show_id, lot_id, None), 401, "unauthenticated")
    assert (api.get(f"/v1/shows/{show_id}").json(), api.get(f"/v1/shows/{show_id}/lots").json()) == before
    assert ask(api, show_id, lot_id, api.token("Root", "admin")).is_success


def test_only_a_seller_makes_a_show(api: Api, anna: str) -> None:
    problem(api.post("/v1/shows", {"title": "Mine"}, by=anna), 403, "forbidden")


def test_a_repeated_post_with_its_key_makes_one_show_and_one_lot(api: Api, sam: str) -> None:
    first, again = (
        api.post("/v1/shows", {"title": "Once"}, by=sam, Idempotency_Key=f"show-{id(api)}") for _ in range(2)
    )
    assert (first.status_code, first.json()) == (201, again.json())
    path = f"/v1/shows/{first.json()['show_id']}/lots"
    lots = [api.post(path, LOT, by=sam, Idempotency_Key=f"lot-{id(api)}") for _ in range(2)]
    assert lots[0].json() == lots[1].json()
    assert len(api.get(path, by=sam).json()["lots"]) == 1


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"title": ""}, ["title"]),
        ({"title": "A", "tags": ["x"] * 11}, ["tags"]),
        ({"title": "A", "tags": ["\u202e"], "category": "no spaces"}, ["category", "tags[0]"]),
        ({"title": "a\u202eb", "tags": ["c\u2066d"]}, ["tags[0]", "title"]),
        ({"title": "A", "cover": "http://images.example/1.jpg"}, ["cover"]),
        ({"title": "A", "scheduled_at": 1_700_000_000}, ["scheduled_at"]),
        (
            {"title": "A", "settings": {"mode": "both", "slow_mode_ms": -1}},
            ["settings.mode", "settings.slow_mode_ms"],
        ),
        ({"title": "A", "colour": "red"}, ["colour"]),
    ],
)
def test_every_wrong_field_of_a_show_is_named(api: Api, sam: str, body: Any, paths: list[str]) -> None:
    assert sorted(wrong_fields(api.post("/v1/shows", body, by=sam))) == paths


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"title": "A"}, ["terms"]),
        ({**LOT, "terms": {"buy_now_price": 1}}, ["terms.buy_now_price"]),
        ({**LOT, "quantity": 0, "images": ["x"]}, ["images[0]", "quantity"]),
    ],
)
def test_every_wrong_field_of_a_lot_is_named(api: Api, sam: str, body: Any, paths: list[str]) -> None:
    show_id, [lot_id] = with_lots(api, sam, 1)

    assert sorted(wrong_fields(api.post(f"/v1/shows/{show_id}/lots", body, by=sam))) == paths
    if "terms" in body:
        assert sorted(wrong_fields(call(api, "PATCH", f"/v1/lots/{lot_id}", body, by=sam))) == paths
