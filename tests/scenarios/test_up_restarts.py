"""What dies under `blytz up` comes back, and one line says so."""

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
def mortal() -> Iterator[Platform]:
    running = Platform()
    yield running
    running.close()


@pytest.mark.parametrize("name", ["redis", *SERVICES, "nginx"])
def test_a_killed_process_is_restarted(mortal: Platform, name: str) -> None:
    pid = mortal.kill(name)
    mortal.wait_until_back(name, pid)
    assert f"{name} was killed by SIGKILL; it starts again in 0.2 s" in mortal.log()


def test_the_other_processes_keep_running(mortal: Platform) -> None:
    before = mortal.pids
    mortal.wait_until_back("live", mortal.kill("live"))
    after = mortal.pids
    assert {name for name in before if before[name] != after[name]} == {"live"}


def test_a_gateway_killed_by_force_leaves_no_worker_on_the_port(mortal: Platform) -> None:
    mortal.wait_until_back("nginx", mortal.kill("nginx"))
    assert len([line for line in mortal.processes().values() if line.startswith("nginx: worker")]) == 1


def test_acknowledged_bids_survive_a_kill_of_redis(mortal: Platform) -> None:
    made = httpx.post(
        f"{mortal.url}/auction/v1/auctions",
        json={"title": "A lamp", "terms": {"duration_ms": 3_600_000}},
        headers={"Authorization": f"Bearer {mortal.token('anna', 'seller')}"},
    )
    mortal.wait_until_back("redis", mortal.kill("redis"))
    assert mortal.get(f"/auction/v1/auctions/{made.json()['auction_id']}")[0] == 200


def test_while_a_service_is_down_the_gateway_answers_with_a_problem(mortal: Platform) -> None:
    before = mortal.pids
    # Who cannot act cannot restart it either.
    os.kill(before["blytz"], signal.SIGSTOP)
    try:
        for name in ("auction", "live"):
            os.kill(before[name], signal.SIGKILL)
            wait_until(lambda name=name: mortal.get("/ready", name)[0] == 0, f"{name} is away")  # type: ignore[misc]
        answers = [mortal.get(path) for path in ("/auction/v1/auctions", "/live/v1")]
    finally:
        os.kill(before["blytz"], signal.SIGCONT)
    for status, headers, body in answers:
        assert (status, headers["content-type"], headers["retry-after"]) == (503, "application/problem+json", "1")
        assert json.loads(body)["code"] == "unavailable"
    for name in ("auction", "live"):
        mortal.wait_until_back(name, before[name])


async def test_a_client_that_does_not_close_does_not_delay_a_restart(mortal: Platform) -> None:
    client = await Client.open(mortal.ports["nginx"])
    pid = mortal.kill("live", signal.SIGTERM)
    assert await client.closed() == 1012
    # A telephone in a tunnel answers nothing; all others want the new process.
    await until(lambda: mortal.pids.get("live", pid) != pid, "the next one starts", REQUEST_TIMEOUT_S)
    client.leave()
    mortal.wait_until_back("live", pid)
