"""What dies under `blytz up` comes back, and one line says so."""

import json
import os
import signal
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
    before = mortal.pids
    # Who cannot act cannot restart it either.
    os.kill(before["blytz"], signal.SIGSTOP)
    try:
        os.kill(before["auction"], signal.SIGKILL)
        wait_until(lambda: mortal.get("/ready", "auction")[0] == 0, "the service is away")
        status, headers, body = mortal.get("/auction/v1/auctions")
    finally:
        os.kill(before["blytz"], signal.SIGCONT)
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert json.loads(body)["code"] == "unavailable"
    mortal.wait_until_back("auction", before["auction"])
