"""What dies under `blytz up` comes back, and one line says so."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.platform import SERVICES, Platform
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def mortal() -> Iterator[Platform]:
    running = Platform()
    yield running
    running.close()


@pytest.mark.parametrize("name", ["redis", *SERVICES, "nginx"])
def test_what_was_killed_comes_back(mortal: Platform, name: str) -> None:
    pid = mortal.kill(name)
    mortal.wait_until_back(name, pid)
    assert f"{name} was killed by SIGKILL; it starts again in 0.2 s" in mortal.log()


def test_the_others_live_on(mortal: Platform) -> None:
    before = mortal.pids
    mortal.wait_until_back("live", mortal.kill("live"))
    after = mortal.pids
    assert {name for name in before if before[name] != after[name]} == {"live"}


def test_a_gateway_killed_by_force_leaves_no_worker_on_the_port(mortal: Platform) -> None:
    mortal.wait_until_back("nginx", mortal.kill("nginx"))
    assert len([line for line in mortal.processes().values() if line.startswith("nginx: worker")]) == 1


def test_what_redis_acknowledged_outlives_it(mortal: Platform) -> None:
    made = httpx.post(
        f"{mortal.url}/auction/v1/auctions",
        json={"title": "A lamp", "terms": {"duration_ms": 3_600_000}},
        headers={"Authorization": f"Bearer {mortal.token('anna', 'seller')}"},
    )
    mortal.wait_until_back("redis", mortal.kill("redis"))
    assert mortal.get(f"/auction/v1/auctions/{made.json()['auction_id']}")[0] == 200


def test_while_a_service_is_away_the_gateway_says_so_as_a_problem(mortal: Platform) -> None:
    pid = mortal.kill("auction")
    wait_until(lambda: mortal.get("/auction/v1/auctions")[0] == 503, "the gateway notices")
    status, headers, body = mortal.get("/auction/v1/auctions")
    if status == 503:
        assert headers["content-type"] == "application/problem+json"
        assert b'"code":"unavailable"' in body
    mortal.wait_until_back("auction", pid)
