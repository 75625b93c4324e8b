"""A show on video from end to end: `blytz up --video` with a real LiveKit, pages in Chromium with fake cameras."""

import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.npm import CACHE, installed
from tests.support.platform import Platform
from tests.support.wait import wait_until

pytestmark = [pytest.mark.video, pytest.mark.timeout(300)]
HERE: Final = Path(__file__).parent
LIVEKIT: Final = CACHE / "livekit" / "livekit-server"
CHROMIUM: Final = "/usr/bin/chromium"
HAS_CHROMIUM: Final = Path(CHROMIUM).exists()
OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
AWAY_MS: Final = 2_000
PUBLISH: Final = """async ticket => {
  window.room = new LivekitClient.Room();
  await room.connect(ticket.url, ticket.token);
  await room.localParticipant.setCameraEnabled(true);
}"""
WATCH: Final = """async ticket => {
  window.room = new LivekitClient.Room();
  const video = Object.assign(document.createElement('video'), {muted: true, autoplay: true});
  document.body.append(video);
  window.frames_shown = () => video.getVideoPlaybackQuality().totalVideoFrames;
  room.on('trackSubscribed', track => { track.attach(video); });
  await room.connect(ticket.url, ticket.token);
}"""
GONE_WITHIN_S: Final = 60.0
"""LiveKit takes a participant whose connection was cut for gone only after a while."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    if not LIVEKIT.exists() and not shutil.which("livekit-server"):
        pytest.skip("livekit-server is not there: infra/setup_video.sh builds it where Go is installed")
    path = os.pathsep.join((str(LIVEKIT.parent), os.environ["PATH"]))
    platform = Platform("--video", env={"PATH": path})
    yield platform
    platform.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not HAS_CHROMIUM:
        pytest.skip("Chromium is not installed: `apt-get install chromium`")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        await browser.close()


@pytest.fixture
def seller(platform: Platform) -> Iterator["Seller"]:
    seller = Seller(platform)
    yield seller
    seller.http.close()


class Seller:
    """A seller with a live show and one open lot."""

    def __init__(self, platform: Platform) -> None:
        self.http = httpx.Client(base_url=f"{platform.url}/auction/v1", timeout=10)
        self._signed = {"authorization": f"Bearer {platform.token('Sam', 'seller')}"}
        show = {
            "title": "On video",
            "scheduled_at": int(time.time() * 1_000) + 60_000,
            "settings": {"host_away_pause_ms": AWAY_MS},
        }
        self.show_id = self.post("/shows", show)["show_id"]
        self.post(f"/shows/{self.show_id}/lots", {"title": "A bowl", "terms": {"duration_ms": 600_000}})
        self.post(f"/shows/{self.show_id}/start")
        self.auction_id = self.post(f"/shows/{self.show_id}/next")["auction_id"]

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.post(path, json=body, headers=self._signed)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ticket(self, role: str) -> dict[str, Any]:
        return self.post(f"/shows/{self.show_id}/video-token", {"role": role})

    def show(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/shows/{self.show_id}").json()
        return found

    def auction_when(self, status: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def is_so() -> bool:
            found.update(self.http.get(f"/auctions/{self.auction_id}").json())
            return bool(found["status"] == status)

        wait_until(is_so, f"the auction is {status}")
        return found

    def wait_for(self, status: str, host: str, within_s: float = 20.0) -> None:
        def is_so() -> bool:
            show = self.show()
            return (show["status"], show["host"]["state"]) == (status, host)

        wait_until(is_so, f"the show is {status}, its host {host}", within_s)


async def page_in(browser: Browser, url: str) -> Page:
    """A page of its own browser context, with LiveKit's client; loopback counts as a secure origin."""
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.goto(f"{url}/health")
    script = installed("video", HERE) / "node_modules" / "livekit-client" / "dist" / "livekit-client.umd.js"
    await page.add_script_tag(path=script)
    return page


async def test_frames_arrive_and_the_clock_waits_for_a_host_whose_page_was_killed(
    platform: Platform, browser: Browser, seller: "Seller"
) -> None:
    viewer = await page_in(browser, platform.url)
    await viewer.evaluate(WATCH, seller.ticket("viewer"))
    async with async_playwright() as playwright:
        hosts_browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        host = await page_in(hosts_browser, platform.url)
        await host.evaluate(PUBLISH, seller.ticket("host"))
        seller.wait_for("live", "live")
        await viewer.wait_for_function("frames_shown() > 10")
        # Ends the page as a crash does: nothing is said to LiveKit.
        await crash(hosts_browser, host)

    seller.wait_for("live", "away", GONE_WITHIN_S)
    seller.wait_for("paused", "away", AWAY_MS / 1_000 + 3)
    paused = seller.auction_when("paused")

    again = await page_in(browser, platform.url)
    await again.evaluate(PUBLISH, seller.ticket("host"))
    seller.wait_for("live", "live")

    resumed = seller.auction_when("open")
    assert abs(resumed["ends_at"] - resumed["server_at"] - paused["remaining_ms"]) < 10_000
    shown = await viewer.evaluate("frames_shown()")
    await viewer.wait_for_function("before => frames_shown() > before", arg=shown)


async def test_a_viewer_cannot_publish(platform: Platform, browser: Browser, seller: "Seller") -> None:
    viewer = await page_in(browser, platform.url)
    with pytest.raises(Exception, match="insufficient permissions"):
        await viewer.evaluate(PUBLISH, seller.ticket("viewer"))
    assert seller.show()["host"]["state"] == "absent"


async def crash(browser: Browser, page: Page) -> None:
    """Kills every process of this browser."""
    session = await browser.new_browser_cdp_session()
    found = await session.send("SystemInfo.getProcessInfo")
    for process in found["processInfo"]:
        os.kill(process["id"], 9)
