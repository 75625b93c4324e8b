"""The reference at `/docs`, in Chromium: it renders, without errors and without a request to another host."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.support.platform import Platform

CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "shown"),
    [("/docs", "/v1/auctions/{auction_id}/bids"), ("/docs/live", "receiveBid")],
    ids=["HTTP", "WebSocket"],
)
async def test_the_reference_renders_offline_and_fits_a_phone(
    platform: Platform, browser: Browser, path: str, shown: str, scheme: str
) -> None:
    origin = f"http://127.0.0.1:{platform.ports['nginx']}"
    page = await browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    await page.goto(origin + path, wait_until="networkidle")
    # On a phone the text may be in a closed drawer.
    await page.get_by_text(shown).first.wait_for(state="attached")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    assert errors == []
    assert [url for url in requests if not url.startswith((origin, "data:"))] == []


async def test_the_reference_is_the_contract_of_this_version(platform: Platform, browser: Browser) -> None:
    page = await browser.new_page()
    origin = f"http://127.0.0.1:{platform.ports['nginx']}"
    for name, version in (("openapi", "openapi: 3.1.0"), ("asyncapi", "asyncapi: 3.0.0")):
        found = await page.request.get(f"{origin}/docs/{name}.yaml")
        assert version in await found.text()
    assert (await page.request.get(f"{origin}/docs/none")).status == 404
