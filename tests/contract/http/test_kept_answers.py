"""Answers to reads of the catalogue are kept as they were sent, and are never older than what was written by any
process."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.http.test_shows import call, made, with_lots
from tests.support.http import Api
from tests.support.redis import RedisServer
from tests.support.services import Service

SCHEDULED = "/v1/shows?status=scheduled"
FROM_MEMORY = 'blytz_catalogue_reads_total{by="memory"}'


@pytest.fixture(scope="module")
def other(api: Api, shared_redis: RedisServer) -> Iterator[Api]:
    """Another auction service of the same platform."""
    folder = api.folder
    with Service("auction", shared_redis.url, folder) as service, Api(service.wait_until_ready(), folder) as other:
        yield other


def half_a_day_ago() -> int:
    """Of a show that stands first in the list of those that are scheduled."""
    return int(time.time() * 1_000) - 43_200_000


def reads(show_id: str, lot_id: str) -> list[str]:
    return [SCHEDULED, f"/v1/shows/{show_id}", f"/v1/shows/{show_id}/lots", f"/v1/lots/{lot_id}"]


def titles(answer: dict[str, Any], *ids: str) -> list[str]:
    """Of these shows and lots, in one answer of either."""
    listed = [answer] if "title" in answer else answer["shows"] if "shows" in answer else answer["lots"]
    return [each["title"] for each in listed if each.get("lot_id", each["show_id"]) in ids]


def test_a_write_is_in_the_next_answer_of_every_process(api: Api, other: Api, sam: str) -> None:
    show_id, (lot_id,) = with_lots(api, sam, 1, scheduled_at=half_a_day_ago())
    for number in range(4):
        writer = (api, other)[number % 2]
        title = f"Title {number}"
        assert call(writer, "PATCH", f"/v1/shows/{show_id}", {"title": title}, by=sam).status_code == 200
        assert call(writer, "PATCH", f"/v1/lots/{lot_id}", {"title": title}, by=sam).status_code == 200
        for reader in (api, other):
            for path in reads(show_id, lot_id) * 3:
                assert titles(reader.http.get(path).json(), show_id, lot_id) == [title], path
        added = writer.post(f"/v1/shows/{show_id}/lots", {"title": "Jug", "terms": {}}, by=sam)
        assert added.status_code == 201
        for reader in (api, other):
            listed = [show for show in reader.http.get(SCHEDULED).json()["shows"] if show["show_id"] == show_id]
            assert [show["lots"]["total"] for show in listed] == [number + 2]
            assert reader.get(f"/v1/shows/{show_id}").json()["lots"]["total"] == number + 2
            assert reader.get(f"/v1/shows/{show_id}/lots").json()["lots"][-1]["lot_id"] == added.json()["lot_id"]


def test_what_nobody_changes_is_answered_from_memory(api: Api, sam: str) -> None:
    show_id, (lot_id,) = with_lots(api, sam, 1, scheduled_at=half_a_day_ago())
    for path in reads(show_id, lot_id):
        first = [api.http.get(path).json() for _ in range(3)]
        before = api.service.metric(FROM_MEMORY)

        kept = [api.http.get(path).json() for _ in range(10)]

        assert api.service.metric(FROM_MEMORY) >= before + 9, path
        assert kept == first[:1] * 10


def test_an_unlisted_show_leaves_every_list_at_once_and_is_still_read_by_its_id(
    api: Api, other: Api, sam: str
) -> None:
    show_id, (lot_id,) = with_lots(api, sam, 1, scheduled_at=half_a_day_ago())
    _, *of_show = reads(show_id, lot_id)
    for reader in (api, other):
        for path in of_show * 3:
            assert reader.get(path).status_code == 200
        assert titles(reader.http.get(SCHEDULED).json(), show_id) != []

    assert call(api, "PATCH", f"/v1/shows/{show_id}", {"visibility": "unlisted"}, by=sam).status_code == 200

    for reader in (other, api):
        for path in of_show:
            assert reader.get(path).status_code == 200
        assert titles(reader.http.get(SCHEDULED).json(), show_id) == []


def test_what_its_seller_may_read_is_kept_for_nobody(api: Api, sam: str, anna: str) -> None:
    draft = made(api, sam, scheduled_at=None)["show_id"]
    lot_id = api.post(f"/v1/shows/{draft}/lots", {"title": "Jug", "terms": {}}, by=sam).json()["lot_id"]
    _, *of_show = reads(draft, lot_id)
    for path in of_show:
        for _ in range(3):
            assert api.get(path, by=sam).status_code == 200
            assert api.get(path).status_code == api.get(path, by=anna).status_code == 404
    admin = api.token("Ada", "admin")
    for _ in range(3):
        assert draft in [show["show_id"] for show in api.get("/v1/shows", by=admin, limit=100).json()["shows"]]
        assert draft not in [show["show_id"] for show in api.get("/v1/shows", limit=100).json()["shows"]]
