"""`blytz doctor` on shows: their worker, what it has left undone, their images and their video."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from blytz.cli.doctor import image_folder
from blytz.cli.doctor import shows as doctor_shows
from blytz.cli.doctor.findings import Finding
from blytz.identity.dev import DevIssuer
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency, operator_pages, serve_pages
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.model import ShowStatus
from blytz.show.running import rules
from blytz.show.running.store import Which
from blytz.show.sql.run_store import SqlRuns
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from infra.ports import free_port
from tests.scenarios.test_doctor import by_name, examined
from tests.support.gateway import DOMAIN, Gateway
from tests.support.images import picture
from tests.support.livekit import KEY, SECRET, StandInLiveKit
from tests.support.platform import Platform, blytz, clean_env
from tests.support.redis import RedisServer
from tests.support.shows import show

IMAGE = f"ab/{'ab' * 32}-320.webp"


def test_a_platform_that_runs_has_its_shows_in_order(platform: Platform) -> None:
    token = DevIssuer(platform.data).issue("Sam", ("seller",))
    sent = {"content": picture(), "headers": {"authorization": f"Bearer {token}"}, "timeout": 30}
    assert httpx.post(f"{platform.url}/auction/v1/images", **sent).status_code == 201  # type: ignore[arg-type]
    command = blytz("doctor", "--json", "--data", str(platform.data))
    ended = subprocess.run(command, env=clean_env(), capture_output=True, text=True, check=False)
    found = {finding["name"]: finding for finding in json.loads(ended.stdout)["findings"]}
    for name in ("Database show", "Show worker", "Shows undone", "Images", "Images served"):
        assert found[name]["state"] == "ok", found[name]
    assert (found["Video"]["state"], "LIVEKIT_URL" in found["Video"]["remedy"]) == ("note", True)


@pytest.mark.parametrize(
    ("state", "judged"),
    [
        (Dependency("up", optional=True), "ok"),
        (Dependency("unasked", optional=True), "note"),
        (Dependency("away", "shows_stalled", "why", 12_000, optional=True), "fail"),
        (None, "note"),
    ],
)
async def test_a_worker_of_shows_that_stands_still_fails(state: Dependency | None, judged: str) -> None:
    dependencies = {} if state is None else {"shows": partial(lambda one: one, state)}
    server = await serve_pages("127.0.0.1", 0, operator_pages(Metrics(), dependencies))
    async with server:
        settings = Settings(hammer_port=server.sockets[0].getsockname()[1])
        found = (await asyncio.to_thread(lambda: by_name(doctor_shows.findings(settings))))["Show worker"]
    assert found.state == judged
    assert ("12 s" in found.why) == (judged == "fail")
    assert bool(found.remedy) == (judged != "ok")


def test_what_waits_for_longer_than_a_minute_is_named(redis: RedisServer, tmp_path: Path) -> None:
    async def leave(ago_ms: int, show_id: str) -> None:
        database = Database("show", "", tmp_path)
        await migrate(database, MIGRATIONS)
        written_at = int(redis.ask("TIME")[0]) * 1_000 - ago_ms
        await SqlCatalogue(database).create_show(show(show_id, status=ShowStatus.SCHEDULED))
        await SqlRuns(database, lambda: written_at).act(show_id, rules.start, Which.NONE)
        await database.close()

    settings = {"REDIS_URL": redis.url, "BLYTZ_DATA": str(tmp_path)}
    _, found = examined(**settings)
    assert (found["Shows undone"]["state"], found["Shows undone"]["remedy"]) == ("note", "see Database show")
    assert not (tmp_path / "show.sqlite").exists()

    asyncio.run(leave(10_000, "shw_young"))
    assert examined(**settings)[1]["Shows undone"]["state"] == "ok"

    asyncio.run(leave(120_000, "shw_old"))
    code, found = examined(**settings)
    undone = found["Shows undone"]
    assert (code, undone["state"]) == (1, "fail")
    assert "shw_old: tell show_started" in undone["why"]
    assert "shw_young" not in undone["why"]
    assert "intents_failed" in undone["remedy"]


@pytest.mark.parametrize("domains", ["", DOMAIN])
def test_a_gateway_that_serves_another_folder_of_images_fails(
    redis: RedisServer, tmp_path: Path, domains: str
) -> None:
    ours, its = tmp_path / "ours", tmp_path / "its"
    with Gateway(its, domains=domains) as gateway:
        settings = {
            "REDIS_URL": redis.url,
            "BLYTZ_DATA": str(ours),
            "BLYTZ_GATEWAY_DOMAINS": domains,
            "BLYTZ_GATEWAY_HTTP_PORT": str(gateway.http_port),
            "BLYTZ_GATEWAY_HTTPS_PORT": str(gateway.https_port),
        }

        def served() -> dict[str, Any]:
            return examined(**settings)[1]["Images served"]

        assert served()["state"] == "note"
        place(ours)
        assert (served()["state"], "answers 404" in served()["why"]) == ("fail", True)
        assert str(ours) in served()["remedy"]
        place(its)
        assert (served()["state"], served()["remedy"]) == ("ok", "")
    assert served()["state"] == "note"


def place(data: Path) -> None:
    file = data / "images" / IMAGE
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a picture")


def images(data: Path) -> Finding:
    return by_name(image_folder.findings(Settings(data=data), None))["Images"]


def test_a_file_where_the_images_belong_fails(tmp_path: Path) -> None:
    found = images(tmp_path / "new")
    assert (found.state, found.why) == ("ok", f"{tmp_path} can be written to")
    (tmp_path / "images").write_text("no folder")
    found = images(tmp_path)
    assert (found.state, found.why) == ("fail", f"{tmp_path / 'images'} is no folder")
    assert "BLYTZ_DATA" in found.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_images_that_may_not_be_written_fail(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir(mode=0o500)
    assert (images(tmp_path).state, images(tmp_path).why) == (
        "fail",
        f"{tmp_path / 'images'} cannot be written to",
    )


@pytest.fixture
def livekit() -> Iterator[StandInLiveKit]:
    with StandInLiveKit() as running:
        yield running


def test_a_livekit_that_is_away_or_refuses_our_key_fails(livekit: StandInLiveKit, tmp_path: Path) -> None:
    def video(url: str, secret: str = SECRET) -> Finding:
        settings = Settings(data=tmp_path, livekit_url=url, livekit_api_key=KEY, livekit_api_secret=secret)
        return by_name(doctor_shows.findings(settings))["Video"]

    assert video(livekit.url).state == "ok"
    refused = video(livekit.url, "another-secret-of-thirty-two-characters")
    assert (refused.state, "LiveKit refuses" in refused.why) == ("fail", True)
    away = video(f"ws://127.0.0.1:{free_port()}")
    assert (away.state, "LiveKit does not answer" in away.why) == ("fail", True)
    assert "LIVEKIT_API_SECRET" in away.remedy
