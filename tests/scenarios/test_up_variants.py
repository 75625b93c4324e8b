"""`blytz up` with unusual options and folders."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import StartPlatform
from tests.support.redis import RedisServer
from tests.support.wait import wait_until

LIFE_WITHIN_S = 5


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, unlike tmp_path."""
    path = Path(tempfile.mkdtemp(prefix="blytz-"))
    yield path
    shutil.rmtree(path)


def test_a_folder_path_too_long_for_a_unix_socket_works(start_platform: StartPlatform, folder: Path) -> None:
    platform = start_platform(data=folder / ("deep" * 30))
    assert platform.get("/ready", "auction")[0] == 200
    socket = Path(platform.redis_url.split("@")[1])
    assert not socket.is_relative_to(platform.data)
    platform.stop()
    assert not socket.parent.exists()


def test_a_folder_may_have_any_name(start_platform: StartPlatform, folder: Path) -> None:
    platform = start_platform(data=folder / "two words" / "50% $off #1 ä'é")
    assert platform.get("/")[0] == 200
    assert platform.get("/ready", "auction")[0] == 200


def test_with_a_redis_url_it_starts_no_redis(
    start_platform: StartPlatform, start_redis: type[RedisServer]
) -> None:
    redis = start_redis()
    platform = start_platform(env={"REDIS_URL": redis.url})
    assert "redis" not in platform.pids
    assert platform.redis_url == redis.url
    assert platform.get("/ready", "auction")[0] == 200
    platform.stop()
    assert redis.ask("PING") == b"PONG"


def test_listening_on_all_addresses_works_and_prints_a_warning(start_platform: StartPlatform) -> None:
    platform = start_platform("--host", "0.0.0.0")  # noqa: S104
    assert platform.get("/health")[0] == 200
    assert "Anybody who reaches this address" in platform.log()


@pytest.mark.alone
def test_the_demo_shows_bids_at_once(start_platform: StartPlatform) -> None:
    platform = start_platform("--demo")

    def has_bids() -> bool:
        _, _, body = platform.get("/auction/v1/auctions")
        return b'"bid_count":' in body.replace(b'"bid_count":0', b"")

    wait_until(has_bids, "there is a bid in the demo", LIFE_WITHIN_S)
    assert "demo" in platform.pids
