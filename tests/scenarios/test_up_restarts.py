"""`blytz up` restarts a process that ends, and prints one line about it."""

import json
import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.support.live_client import Client
from tests.support.platform import SERVICES, Platform
from tests.support.wait import until, wait_until

REQUEST_TIMEOUT_S = 4.0


@pytest.fixture(scope="module")
def own_platform() -> Iterator[Platform]:
    running = Platform()
    yield running
    running.close()


@pytest.mark.parametrize("name", ["redis", *SERVICES, "nginx"])
def test_a_killed_process_is_restarted(own_platform: Platform, name: str) -> None:
    pid = own_platform.kill(name)
    own_platform.wait_until_back(name, pid)
    assert f"{name} was killed by SIGKILL; it starts again in 0.2 s" in own_platform.log()


def test_the_other_processes_keep_running(own_platform: Platform) -> None:
    before = own_platform.pids
    own_platform.wait_until_back("live", own_platform.kill("live"))
    after = own_platform.pids
    assert {name for name in before if before[name] != after[name]} == {"live"}


def test_a_gateway_killed_by_force_leaves_no_worker_on_the_port(own_platform: Platform) -> None:
    own_platform.wait_until_back("nginx", own_platform.kill("nginx"))
    assert len([line for line in own_platform.processes().values() if line.startswith("nginx: worker")]) == 1


def test_acknowledged_bids_survive_a_kill_of_redis(own_platform: Platform) -> None:
    made = httpx.post(
        f"{own_platform.url}/auction/v1/auctions",
        json={"title": "A lamp", "terms": {"duration_ms": 3_600_000}},
        headers={"Authorization": f"Bearer {own_platform.token('anna', 'seller')}"},
    )
    own_platform.wait_until_back("redis", own_platform.kill("redis"))
    assert own_platform.get(f"/auction/v1/auctions/{made.json()['auction_id']}")[0] == 200


def test_while_a_service_is_down_the_gateway_answers_with_a_problem(own_platform: Platform) -> None:
    before = own_platform.pids
    # `blytz up` is frozen, so it cannot restart the service.
    os.kill(before["blytz"], signal.SIGSTOP)
    try:
        for name in ("auction", "live"):
            os.kill(before[name], signal.SIGKILL)
            wait_until(lambda name=name: own_platform.get("/ready", name)[0] == 0, f"{name} is down")  # type: ignore[misc]
        answers = [own_platform.get(path) for path in ("/auction/v1/auctions", "/live/v1")]
    finally:
        os.kill(before["blytz"], signal.SIGCONT)
    for status, headers, body in answers:
        assert (status, headers["content-type"], headers["retry-after"]) == (503, "application/problem+json", "1")
        assert json.loads(body)["code"] == "unavailable"
    for name in ("auction", "live"):
        own_platform.wait_until_back(name, before[name])


async def test_a_client_that_does_not_close_does_not_delay_a_restart(own_platform: Platform) -> None:
    client = await Client.open(own_platform.ports["nginx"])
    pid = own_platform.kill("live", signal.SIGTERM)
    assert await client.closed() == 1012
    # A phone without network does not close its connection; all other clients need the new process.
    await until(lambda: own_platform.pids.get("live", pid) != pid, "the next process starts", REQUEST_TIMEOUT_S)
    client.leave()
    own_platform.wait_until_back("live", pid)
