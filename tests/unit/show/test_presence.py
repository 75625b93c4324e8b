"""When a show pauses because its host is away, and when it goes on."""

from typing import Any

import pytest
from msgspec.structs import replace

from blytz.show.model import Host, LotFacts, Show, ShowSettings, ShowStatus
from blytz.show.running import rules as running
from blytz.show.running.decision import Decision, Order, Scene
from blytz.show.running.rules import Decide
from blytz.show.video import presence as rules
from blytz.show.video.rooms import Camera, VideoEvent, cameras_after
from tests.support.shows import show

LIVE: dict[str, Any] = {"status": ShowStatus.LIVE, "started_at": 0}
ON_CAMERA = rules.see_host(is_on_camera=True)
OFF_CAMERA = rules.see_host(is_on_camera=False)


class Stage:
    """A show with an open lot, on which decisions are made one after another."""

    def __init__(self, **fields: Any) -> None:
        self.show: Show = show(**{**LIVE, **fields})
        self.told: list[str] = []
        self.orders: list[Order] = []

    def act(self, decide: Decide, now: int) -> "Stage":
        decision = decide(Scene(self.show, LotFacts(open_lots=("lot_1",)), None, ["auc_1"]), now)
        assert isinstance(decision, Decision)
        self.show = running.settle(decision.show, LotFacts(open_lots=("lot_1",)), now)
        self.told += [notice.kind for notice in decision.notices]
        self.orders += decision.orders
        return self


def away(since: int = 1_000, **fields: Any) -> Stage:
    return Stage(**fields).act(ON_CAMERA, 500).act(OFF_CAMERA, since)


def test_clocks_pause_when_the_camera_is_gone_for_the_set_time_and_go_on_when_it_is_back() -> None:
    stage = away().act(rules.pause_without_host, 6_000)
    assert (stage.show.status, stage.show.host) == (ShowStatus.PAUSED, Host("away", 1_000))
    assert stage.orders == [Order("pause", "auc_1", "host_away")]

    stage.act(ON_CAMERA, 9_000)

    assert (stage.show.status, stage.show.host) == (ShowStatus.LIVE, Host("live", 9_000))
    assert stage.orders[1:] == [Order("resume", "auc_1")]
    assert stage.told == ["host_live", "host_away", "show_paused", "host_back", "show_resumed"]


def test_a_camera_that_is_gone_for_less_than_the_set_time_pauses_nothing() -> None:
    stage = away()
    for at in range(2_000, 60_000, 4_999):
        stage.act(rules.pause_without_host, at).act(ON_CAMERA, at).act(OFF_CAMERA, at)
    assert stage.show.status is ShowStatus.LIVE
    assert not stage.orders


def test_seeing_the_same_again_changes_nothing() -> None:
    stage = away()
    before = stage.show
    stage.act(OFF_CAMERA, 3_000)
    assert stage.show == before
    assert stage.told == ["host_live", "host_away"]


def test_a_host_who_was_never_on_camera_is_absent_and_pauses_nothing() -> None:
    stage = Stage().act(OFF_CAMERA, 1_000).act(rules.pause_without_host, 99_000)
    assert (stage.show.status, stage.show.host, stage.told) == (ShowStatus.LIVE, Host(), [])


def test_a_show_that_its_seller_paused_does_not_go_on_with_the_camera() -> None:
    stage = away().act(running.pause, 2_000).act(rules.pause_without_host, 6_000).act(ON_CAMERA, 9_000)
    assert stage.show.status is ShowStatus.PAUSED
    assert stage.show.host.state == "live"


def test_a_seller_who_pauses_a_show_that_waits_for_its_host_keeps_it_paused() -> None:
    stage = away().act(rules.pause_without_host, 6_000).act(running.pause, 7_000).act(ON_CAMERA, 9_000)
    assert stage.show.status is ShowStatus.PAUSED
    assert [order.verb for order in stage.orders] == ["pause"]


def test_a_seller_who_resumes_by_hand_is_not_paused_again_for_the_same_absence() -> None:
    stage = away().act(rules.pause_without_host, 6_000).act(running.resume, 7_000)
    stage.act(OFF_CAMERA, 8_000).act(rules.pause_without_host, 99_000)
    assert [order.verb for order in stage.orders] == ["pause", "resume"]

    stage.act(ON_CAMERA, 100_000).act(OFF_CAMERA, 101_000).act(rules.pause_without_host, 106_000)
    assert stage.show.status is ShowStatus.PAUSED


@pytest.mark.parametrize(
    "fields",
    [
        {"settings": ShowSettings(host_away_pause_ms=None)},
        {"is_ending": True},
        {"status": ShowStatus.SCHEDULED},
    ],
    ids=["never", "a show that is ending", "before the show"],
)
def test_where_an_absent_host_pauses_nothing(fields: dict[str, Any]) -> None:
    stage = away(**fields)
    status = stage.show.status
    stage.act(rules.pause_without_host, 99_000)
    assert (stage.show.status, stage.show.host.state, stage.orders) == (status, "away", [])


def test_a_show_that_is_over_has_no_host() -> None:
    ended = Stage().act(ON_CAMERA, 500)
    ended.show = running.settle(replace(ended.show, is_ending=True), LotFacts(), 600)
    assert (ended.show.status, ended.show.host) == (ShowStatus.ENDED, Host())
    ended.act(ON_CAMERA, 700)
    assert ended.show.host == Host()


def test_any_camera_of_the_host_or_a_cohost_counts() -> None:
    phone, laptop = Camera("TR_1", "host_1"), Camera("TR_2", "host_2")

    def event(change: Any, track: str = "", participant: str = "") -> VideoEvent:
        return VideoEvent("EV_1", 0, "shw_1", change, participant, track)

    assert cameras_after([phone, laptop], [event("left", participant="host_1")]) == [laptop]
    assert cameras_after([phone], [event("camera_off", "TR_1")]) == []
    assert cameras_after([], [event("camera_on", "TR_1", "host_1")]) == [phone]
    assert cameras_after([phone], [event("camera_on", "TR_2", "host_2"), event("left", participant="host_2")]) == [
        phone
    ]
