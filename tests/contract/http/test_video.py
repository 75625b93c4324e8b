"""Video over HTTP: who gets which token, and what LiveKit's webhook may tell."""

import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from livekit import api as livekit

from tests.support.http import Api, problem
from tests.support.livekit import KEY, SECRET, StandInLiveKit, signed, webhook
from tests.support.redis import RedisServer
from tests.support.services import Service

OTHER_SECRET: Final = "another-secret-of-a-livekit-that-is-not-ours"


@pytest.fixture(scope="module")
def video() -> Iterator[StandInLiveKit]:
    with StandInLiveKit() as video:
        yield video


@pytest.fixture(scope="module")
def with_video(
    shared_redis: RedisServer, video: StandInLiveKit, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("auction")
    settings = {name.lower(): value for name, value in video.settings.items()}
    service = Service("auction", shared_redis.url, folder, **settings)
    with service, Api(service.wait_until_ready(), folder) as api:
        yield api


def show_of(api: Api, by: str, *acts: str, **fields: Any) -> str:
    body = {"title": "Pottery night", "scheduled_at": int(time.time() * 1_000) + 3_600_000, **fields}
    show_id = str(api.post("/v1/shows", body, by=by).json()["show_id"])
    for act in acts:
        assert api.post(f"/v1/shows/{show_id}/{act}", by=by).status_code == 200
    return show_id


def join(api: Api, show_id: str, role: str, by: str | None = None) -> httpx.Response:
    return api.post(f"/v1/shows/{show_id}/video-token", {"role": role}, by=by)


def claims(answer: httpx.Response) -> livekit.access_token.Claims:
    assert answer.status_code == 201, answer.text
    return livekit.TokenVerifier(KEY, SECRET).verify(answer.json()["token"])


def tell(api: Api, body: str, signature: str) -> httpx.Response:
    return api.post("/v1/video/webhook", body, authorization=signature)


def test_a_viewer_may_only_watch_and_is_not_named_by_its_user_id(with_video: Api, video: StandInLiveKit) -> None:
    sam, anna = with_video.token("Sam", "seller"), with_video.token("Anna")
    show_id = show_of(with_video, sam, "start")

    answer = join(with_video, show_id, "viewer", by=anna)
    token = claims(answer)

    assert (answer.json()["url"], answer.json()["room"]) == (video.url, show_id)
    assert abs(answer.json()["expires_at"] - time.time() * 1_000 - 3_600_000) < 60_000
    assert token.video is not None
    assert (token.video.room, token.video.room_join, token.video.can_subscribe) == (show_id, True, True)
    assert (token.video.can_publish, token.video.can_publish_data, token.video.room_admin) == (False, False, None)
    assert with_video.issuer.verify(anna).id not in answer.text
    assert token.name == ""
    assert claims(join(with_video, show_id, "viewer")).video == token.video


def test_the_host_is_the_seller_and_a_cohost_leads_the_show(with_video: Api) -> None:
    sam, other = with_video.token("Sam", "seller"), with_video.token("Olga", "seller")
    moderator, admin = with_video.token("Mo", "moderator"), with_video.token("Ada", "admin")
    show_id = show_of(with_video, sam)

    for role, by in (("host", sam), ("cohost", sam), ("cohost", moderator)):
        token = claims(join(with_video, show_id, role, by=by))
        assert token.video is not None
        assert token.video.can_publish
        assert set(token.video.can_publish_sources or ()) >= {"camera", "microphone"}
    for role, by in (("host", other), ("host", moderator), ("host", admin), ("cohost", other)):
        problem(join(with_video, show_id, role, by=by), 403, "forbidden")
    problem(join(with_video, show_id, "host"), 401, "unauthenticated")


def test_viewers_join_a_show_that_runs_and_nobody_one_that_is_over(with_video: Api) -> None:
    sam = with_video.token("Sam", "seller")
    waiting, over = show_of(with_video, sam), show_of(with_video, sam, "start", "end")
    rehearsal = show_of(with_video, sam, "start", visibility="rehearsal")

    problem(join(with_video, waiting, "viewer"), 409, "show_not_live")
    problem(join(with_video, over, "viewer"), 409, "show_over")
    problem(join(with_video, over, "host", by=sam), 409, "show_over")
    problem(join(with_video, rehearsal, "viewer"), 404, "show_not_found")
    assert join(with_video, rehearsal, "viewer", by=sam).status_code == 201


def test_without_livekit_there_is_no_video_and_everything_else_works(api: Api, sam: str) -> None:
    show_id = show_of(api, sam, "start")
    problem(join(api, show_id, "viewer"), 503, "video_unavailable")
    problem(tell(api, "{}", "nonsense"), 503, "video_unavailable")
    ready = api.get("/ready").json()
    assert ready["ready"]
    assert (ready["dependencies"]["video"]["code"], ready["dependencies"]["video"]["optional"]) == (
        "video_unavailable",
        True,
    )


def test_a_room_is_made_with_the_start_of_a_show_and_deleted_with_its_end(
    with_video: Api, video: StandInLiveKit
) -> None:
    sam = with_video.token("Sam", "seller")
    show_id = show_of(with_video, sam, "start")
    assert show_id in video.rooms

    with_video.post(f"/v1/shows/{show_id}/end", by=sam)

    assert show_id not in video.rooms


def test_a_show_starts_while_livekit_is_down(with_video: Api, video: StandInLiveKit) -> None:
    sam = with_video.token("Sam", "seller")
    video.stop()
    try:
        show_id = show_of(with_video, sam, "start")
        assert with_video.get(f"/v1/shows/{show_id}").json()["status"] == "live"
        ready = with_video.get("/ready").json()
    finally:
        video.start()
    assert (ready["ready"], ready["dependencies"]["video"]["state"]) == (True, "away")


def test_who_leads_a_show_removes_and_mutes(with_video: Api, video: StandInLiveKit) -> None:
    sam, other = with_video.token("Sam", "seller"), with_video.token("Olga", "seller")
    show_id = show_of(with_video, sam, "start")
    video.show_camera(show_id, "cohost_1", "TR_7")
    path = f"/v1/shows/{show_id}/video-participants/cohost_1"
    problem(with_video.post(f"{path}/mute", by=other), 403, "forbidden")

    assert with_video.post(f"{path}/mute", by=sam).status_code == 204
    assert ("cohost_1", "TR_7") in video.muted
    for _ in range(2):
        removed = with_video.http.delete(path, headers={"authorization": f"Bearer {sam}"})
        assert removed.status_code == 204
    assert not video.rooms[show_id]
    acts = [act["act"] for act in with_video.get(f"/v1/shows/{show_id}/audit", by=sam).json()["acts"]]
    assert {"muted_in_video", "removed_from_video"} <= set(acts)


def test_an_event_counts_once(with_video: Api) -> None:
    event = signed(webhook("track_published", "shw_1", "host_1", track="TR_1"))
    assert [tell(with_video, *event).json()["outcome"] for _ in range(2)] == ["recorded", "repeated"]


def test_events_that_say_nothing_of_a_host_are_ignored(with_video: Api) -> None:
    for body in (
        webhook("participant_left", "shw_1", "viewer_1"),
        webhook("participant_joined", "shw_1", "host_1"),
        webhook("room_finished", "shw_1"),
        webhook("an_event_to_come", "shw_1", whatever={"a": 1}),
    ):
        assert tell(with_video, *signed(body)).json() == {"outcome": "ignored"}


def test_an_event_that_is_not_signed_is_refused(with_video: Api) -> None:
    body = webhook("participant_left", "shw_1", "host_1")
    text, signature = signed(body)
    of_another = signed(body, OTHER_SECRET)[1]
    expired = signed(body, lasts_s=-3_600)[1]
    for sent in (
        (text, ""),
        (text, "nonsense"),
        (text, of_another),
        (text, expired),
        (text.replace("host_1", "host_2"), signature),
        ("", signature),
        signed("not JSON"),
    ):
        problem(tell(with_video, *sent), 401, "unauthenticated")


@pytest.mark.parametrize("shift_s", [-400, 400])
def test_an_event_of_another_time_is_refused(with_video: Api, shift_s: int) -> None:
    body = webhook("participant_left", "shw_1", "host_1", createdAt=str(int(time.time()) + shift_s))
    problem(tell(with_video, *signed(body)), 401, "unauthenticated")
