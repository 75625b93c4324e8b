"""A picture's way through the gateway: up to the service, and down to every viewer."""

from collections.abc import Iterator

import httpx
import pytest

from blytz.identity.dev import DevIssuer
from tests.support.http import problem
from tests.support.images import opened, picture
from tests.support.platform import Platform


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    token = DevIssuer(platform.data).issue("Sam, with pictures", ("seller",))
    with httpx.Client(base_url=platform.url, timeout=30, headers={"authorization": f"Bearer {token}"}) as client:
        yield client


def test_an_uploaded_image_is_served_to_be_kept_for_a_year(http: httpx.Client) -> None:
    # As large as a camera's, so that nginx keeps the body in a file.
    data = picture(1_800, 1_200, "PNG", compress_level=0)
    assert len(data) > 5_000_000

    image = http.post("/auction/v1/images", content=data).json()

    for size in image["sizes"]:
        answer = http.get(size["url"])
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert opened(answer.content).size == (size["width"], size["height"])


@pytest.mark.parametrize("path", ["", "../show.sqlite", "ab/", f"ab/{'ab' * 32}-320.webp"])
def test_nothing_but_an_image_is_served_in_their_place(http: httpx.Client, path: str) -> None:
    missing = http.get(f"/images/{path}", headers={"accept": "application/json"})

    assert problem(missing, 404, "not_found")
    assert missing.headers["cache-control"] == "no-store"


def test_only_an_upload_may_be_large(http: httpx.Client) -> None:
    problem(http.post("/auction/v1/images", content=bytes(11 * 1024 * 1024)), 413, "too_large")
    problem(http.post("/auction/v1/shows", content=bytes(300 * 1024)), 413, "too_large")
