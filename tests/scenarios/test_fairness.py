"""Twenty users who together bid ten times as much as fifty others do not slow those down."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pytest

from blytz.identity.dev import DevIssuer
from tests.conftest import StartRedis
from tests.support.abusers import Orders
from tests.support.gateway import Gateway
from tests.support.hammer_harness import HammerHarness, harness_in
from tests.support.live_client import Client, welcomed
from tests.support.services import Service

HONEST, ABUSERS = 50, 20
HONEST_A_SECOND = 100.0
"""Bids of all honest bidders together."""
ABUSE_FACTOR = 10
QUIET_S, ABUSED_S = 0.7, 1.4
"""Short and alternating, so that other load on this machine affects both."""
MAX_SLOWDOWN = 2.0
"""The p99 under abuse as a multiple of the quiet p99."""
LIMITS: dict[str, Any] = {"bids_per_s": 10, "bids_burst": 20}
# All users share one address here; the limits of an address have their own tests.
GATEWAY_LIMITS: dict[str, Any] = {"requests_per_s": 100_000, "requests_burst": 100_000, "requests_at_once": 10_000}


class Honest:
    """Fifty people on ten auctions who bid the minimum; each answer is timed from when its bid was due."""

    def __init__(self, clients: list[Client], auctions: list[str]) -> None:
        self._clients = clients
        self._auctions = auctions
        self._turns = [asyncio.Lock() for _ in clients]
        self._minimum = dict.fromkeys(auctions, 100)
        self._sent = 0
        self.outcomes: Counter[str] = Counter()

    async def bid_for(self, seconds: float) -> list[float]:
        """The delays, in milliseconds, in the order in which the bids were due."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        bids: list[asyncio.Task[float]] = []
        for number in range(int(seconds * HONEST_A_SECOND)):
            due = began + number / HONEST_A_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._sent += 1
            bids.append(asyncio.create_task(self._bid(self._sent, due)))
        return await asyncio.gather(*bids)

    async def _bid(self, number: int, due: float) -> float:
        who, bid_id = number % HONEST, f"h{number}"
        # The factor keeps users from bidding on one auction only.
        auction_id = self._auctions[number * 7 // 5 % len(self._auctions)]
        bid = {"type": "bid", "auction_id": auction_id, "bid_id": bid_id, "amount": self._minimum[auction_id]}
        async with self._turns[who]:
            answer = await self._clients[who].ask(bid, "bid_result", bid_id=bid_id)
        delay_ms = (asyncio.get_running_loop().time() - due) * 1_000
        self._minimum[auction_id] = answer["minimum"] or self._minimum[auction_id]
        self.outcomes[answer["code"] or answer["outcome"]] += 1
        return delay_ms


def p99s(delays: list[float]) -> list[float]:
    """The p99 of each stretch as long as a quiet one, so that other load on this machine is equally likely in
    each stretch."""
    size = int(QUIET_S * HONEST_A_SECOND)
    stretches = [sorted(delays[first : first + size]) for first in range(0, len(delays) - size + 1, size)]
    return [stretch[int(size * 0.99)] for stretch in stretches]


@asynccontextmanager
async def abusers(orders: Orders) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs with `nice`, because real abusers run on other machines."""
    process = await asyncio.create_subprocess_exec(
        "nice", sys.executable, "-m", "tests.support.abusers", stdin=PIPE, stdout=PIPE
    )
    try:
        send_command(process, msgspec.json.encode(orders).decode())
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def send_command(process: asyncio.subprocess.Process, command: str) -> None:
    assert process.stdin is not None
    process.stdin.write(command.encode() + b"\n")


async def fairness(harness: HammerHarness, folder: Path, rounds: int) -> None:
    issuer = DevIssuer(folder)
    auctions = [await harness.open(3_600_000) for _ in range(10)]
    async with AsyncExitStack() as stack:
        live = stack.enter_context(Service("live", harness.redis.url, folder, **LIMITS))
        http = stack.enter_context(Service("auction", harness.redis.url, folder, **LIMITS))
        for service in (live, http):
            await asyncio.to_thread(service.wait_until_ready)
        services: dict[str, Any] = {
            "live": f"127.0.0.1:{live.port}",
            "auction": f"127.0.0.1:{http.port}",
            **GATEWAY_LIMITS,
        }
        port = stack.enter_context(await asyncio.to_thread(Gateway, folder / "gateway", **services)).http_port
        tokens = [issuer.issue(f"abuser {number}") for number in range(ABUSERS)]
        half = ABUSERS // 2
        bids_each = ABUSE_FACTOR * HONEST_A_SECOND / ABUSERS
        orders = Orders(port, auctions[0], tokens[:half], tokens[half:], bids_each)
        abusing = await stack.enter_async_context(abusers(orders))
        honest = Honest(
            [
                await stack.enter_async_context(welcomed(port, issuer.issue(f"honest {number}")))
                for number in range(HONEST)
            ],
            auctions,
        )
        await honest.bid_for(0.5)
        quiet: list[float] = []
        abused: list[float] = []
        for _ in range(rounds):
            quiet += p99s(await honest.bid_for(QUIET_S))
            send_command(abusing, "go")
            abused += p99s(await honest.bid_for(ABUSED_S))
            send_command(abusing, "rest")
            assert live.page("/health")[0] == http.page("/health")[0] == 200
        output, _ = await abusing.communicate(b"end\n")
        outcomes = Counter(json.loads(output))
        print(f"p99 quiet {median(quiet):.1f} of {quiet}, abused {median(abused):.1f} of {abused} ms")
        print(f"abusers {dict(outcomes)}; honest {dict(honest.outcomes)}")

        # Check that it was abuse: ten times as much was sent, and most of it refused.
        assert outcomes["sent"] > 0.8 * ABUSE_FACTOR * HONEST_A_SECOND * rounds * ABUSED_S
        assert outcomes["rate_limited"] > outcomes["sent"] / 2
        # No honest bid was refused for load. `pending` is no refusal: the disk took more than 300 ms.
        assert honest.outcomes.keys() <= {"accepted", "outbid", "bid_too_low", "already_leading", "pending"}, (
            honest.outcomes
        )
        assert honest.outcomes["pending"] < honest.outcomes["accepted"] / 50
        assert median(abused) < MAX_SLOWDOWN * median(quiet)


@pytest.mark.alone
async def test_abusers_slow_no_other_user_down(start_redis: StartRedis, tmp_path: Path) -> None:
    async with harness_in(start_redis()) as harness:
        await fairness(harness, tmp_path, rounds=10)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_abusers_slow_no_other_user_down_for_minutes(start_redis: StartRedis, tmp_path: Path) -> None:
    async with harness_in(start_redis()) as harness:
        await fairness(harness, tmp_path, rounds=120)
