"""A picture's way through the gateway: up to the service, and down to every viewer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from blytz.identity.dev import DevIssuer
from blytz.kit.config.model import variable
from tests.support.http import problem
from tests.support.images import opened, picture
from tests.support.platform import Platform
from tests.support.s3 import S3Server


@contextmanager
def seller_of(platform: Platform) -> Iterator[httpx.Client]:
    token = DevIssuer(platform.data).issue("Sam, with pictures", ("seller",))
    with httpx.Client(base_url=platform.url, timeout=30, headers={"authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    with seller_of(platform) as client:
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
    image = http.post("/auction/v1/images", content=bytes(11 * 1024 * 1024))
    assert "10 MiB" in problem(image, 413, "too_large")["detail"]
    assert (
        "192 KiB" in problem(http.post("/auction/v1/shows", content=bytes(300 * 1024)), 413, "too_large")["detail"]
    )


def test_images_in_a_bucket_are_seen_by_everybody_and_those_in_the_folder_too(s3: S3Server) -> None:
    env = {variable(name): text for name, text in s3.settings.items()}
    platform = Platform(env={**env, "BLYTZ_GATEWAY_IMAGES_URL": s3.public_url})
    try:
        with seller_of(platform) as http:
            _uploaded_and_seen(http, s3)
            _refused_while_the_bucket_takes_nothing(http, s3, platform)
        assert not [path for path in (platform.data / "images").rglob("*") if path.is_file()]
        _seen_although_older_than_the_bucket(platform)
    finally:
        platform.close()


def _uploaded_and_seen(http: httpx.Client, s3: S3Server) -> None:
    image = http.post("/auction/v1/images", content=picture(900, 600)).json()
    assert [size["width"] for size in image["sizes"]] == [320, 800, 900]
    s3.serve_everybody()
    for size in image["sizes"]:
        sent = http.get(size["url"])
        assert (sent.status_code, sent.headers["location"]) == (302, s3.public_url + size["url"][len("/images") :])
        assert sent.headers["cache-control"] == "public, max-age=3600"
        assert sent.headers["x-content-type-options"] == "nosniff"
        seen = httpx.get(sent.headers["location"])
        assert seen.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert seen.headers["content-type"] == "image/webp"
        assert opened(seen.content).size == (size["width"], size["height"])


def _refused_while_the_bucket_takes_nothing(http: httpx.Client, s3: S3Server, platform: Platform) -> None:
    s3.refuse("*")
    problem(http.post("/auction/v1/images", content=picture(300, 200)), 503, "store_unavailable")
    status, images = _readiness(platform)
    away = {"state": "away", "code": "store_unavailable", "detail": "AccessDenied", "optional": True}
    assert (status, images) == (200, away)
    s3.refuse()
    assert http.post("/auction/v1/images", content=picture(300, 200)).status_code == 201
    assert _readiness(platform) == (200, {"state": "up", "optional": True})


def _readiness(platform: Platform) -> tuple[int, Any]:
    status, _, page = platform.get("/ready", "auction")
    return status, json.loads(page)["dependencies"]["images"]


def _seen_although_older_than_the_bucket(platform: Platform) -> None:
    name = f"ab/{'ab' * 32}-320.webp"
    path = platform.data / "images" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"older")
    answer = httpx.get(f"{platform.url}/images/{name}")
    assert (answer.content, answer.headers["cache-control"]) == (b"older", "public, max-age=31536000, immutable")
