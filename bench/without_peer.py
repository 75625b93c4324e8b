"""The scenarios without the Go peer: the engine beside redis-benchmark, and the whole platform."""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.auctions import SELLER, open_auctions
from bench.jobs import EngineJob, PlatformJob, Result
from bench.machine import BIN, LOAD_CORE, SERVER_CORE, Process, cpu_by_name
from bench.redis_server import RedisServer
from bench.rounds import Plan, Row, alternate, bounded, load, median_of, summary
from bench.sides import Peer
from blytz.auction.redis.keys import Keys
from blytz.auction.redis.scripts import load_scripts
from blytz.client.http import HttpClient
from infra.ports import free_port

ONE_HOUR_MS = 60 * 60 * 1000
PIPELINE = 64
BIDDERS, VIEWERS, RATE = 50, 1_000, 200
OVERLOAD_OUTCOMES = {"overloaded", "store_unavailable", "rate_limited", "pending", "unanswered"}

# redis-benchmark cannot count upwards, so a line in front of the script makes every amount acceptable.
# Both sides run this script, so the comparison covers the way to the script and back.
PREAMBLE = "ARGV[7] = string.format('%d', math.max(100, tonumber(redis.call('HGET', KEYS[1], 'price')) + 5000))\n"
NO_CLOCK_CHECK = ""


def engine(plan: Plan, peer: Peer | None) -> list[Row]:  # noqa: ARG001 - compared with redis-benchmark
    with TemporaryDirectory(prefix="blytz-bench-") as name:
        redis = RedisServer(Path(name))
        try:

            def run_round(side: str) -> Result:
                redis.clear()
                (auction,) = open_auctions(redis.url, 1)
                if side == "redis-benchmark":
                    return _redis_benchmark(redis, auction, plan.engine_bids)
                job = EngineJob(
                    redis_url=redis.url,
                    auction=auction,
                    preamble=PREAMBLE,
                    in_flight=PIPELINE,
                    bids=plan.engine_bids,
                )
                return load(job)

            results = alternate(plan.rounds, ["blytz", "redis-benchmark"], run_round)
        finally:
            redis.stop()
    return [
        Row(
            figure=f"Engine alone, {PIPELINE} in flight: accepted bids (peer: redis-benchmark -P {PIPELINE})",
            unit="/s",
            ours=median_of(results["blytz"], lambda result: result.accepted / result.seconds),
            theirs=median_of(results["redis-benchmark"], lambda result: result.accepted / result.seconds),
            target="as a share",
        )
    ]


def _redis_benchmark(redis: RedisServer, auction: str, bids: int) -> Result:
    script = load_scripts(lambda source: PREAMBLE + source)["place_bid"]
    sha = redis.client.script_load(script.source)
    party = msgspec.json.encode({"id": "usr___rand_int__", "name": "Bidder"}).decode()
    cause = msgspec.json.encode({"actor": SELLER.id, "request_id": ""}).decode()
    args = [auction, cause, NO_CLOCK_CHECK, "usr___rand_int__", party, "b__rand_int__", "1", "exact"]
    keys = [key.decode() for key in Keys(auction).of_bid]
    command = ["redis-benchmark", "-s", str(redis.socket), "-c", "1", "-P", str(PIPELINE), "-n", str(bids), "-q"]
    command += ["-r", "2000000000", "EVALSHA", str(sha), str(len(keys)), *keys, *args]
    done = subprocess.run(["taskset", "-c", str(LOAD_CORE), *command], capture_output=True, text=True, check=False)
    rates = re.findall(r"([\d.]+) requests per second", done.stdout)
    if not rates:
        raise RuntimeError(f"redis-benchmark printed: {done.stdout[-300:]}{done.stderr[-300:]}")
    seconds = bids / float(rates[-1])
    # The log holds one event per accepted bid, and the opening.
    accepted = int(redis.client.xlen(keys[1])) - 1
    return Result(
        seconds=seconds, accepted=accepted, other={"not_accepted": bids - accepted} if bids > accepted else {}
    )


def _print_cpu(before: dict[str, float], after: dict[str, float], seconds: float) -> None:
    used = sorted(((cpu_s - before.get(name, 0.0)) / seconds, name) for name, cpu_s in after.items())
    shares = ", ".join(f"{name} {share:.0%}" for share, name in reversed(used[-6:]))
    print(f"  share of the one core, connecting included: {shares}", file=sys.stderr, flush=True)


def platform(plan: Plan, peer: Peer | None) -> list[Row]:  # noqa: ARG001 - the Go peer has only a part of the platform
    result = _play_platform(plan.platform_s)
    print(f"  {summary(result)}", file=sys.stderr, flush=True)
    refused = sum(count for word, count in result.other.items() if word in OVERLOAD_OUTCOMES)
    bids = result.accepted + sum(result.other.values())
    title = f"One core, {BIDDERS} bidders, {VIEWERS:,} viewers, {RATE} bids/s, {plan.platform_s:g} s"
    return [
        bounded(f"{title}: ack p99", "ms", result.ack_ms.get("p99"), at_most=20),
        bounded("the same: fan-out p99", "ms", result.fanout_ms.get("p99"), at_most=100),
        Row(figure="the same: bids answered", unit="/s", ours=bids / result.seconds, target=f"{RATE} sent"),
        bounded("the same: refused for load", "bids", refused, at_most=0),
        bounded("the same: gaps and closed sockets", "", result.gaps + result.closed, at_most=0),
    ]


async def _prepare(url: str) -> tuple[str, list[str]]:
    """An open auction, and the tokens of those who bid on it."""
    http = HttpClient(url)
    tokens = [await http.sign_in(f"bidder-{number}", "bidder") for number in range(BIDDERS)]
    http.token = await http.sign_in("seller", "seller")
    return (await http.create("Bench", {"duration_ms": ONE_HOUR_MS}))["auction_id"], tokens


def _play_platform(seconds: float) -> Result:
    with TemporaryDirectory(prefix="blytz-bench-") as name:
        folder, port = Path(name), free_port()
        command: list[str | Path] = [BIN / "blytz", "up", "--port", str(port), "--data", folder / "data"]
        env = {f"BLYTZ_{service}_PORT": str(free_port()) for service in ("AUCTION", "LIVE", "HAMMER")}
        up = Process("blytz-up", command, core=SERVER_CORE, folder=folder, env=env)
        try:
            up.wait_for(f"http://127.0.0.1:{port}/health", within_s=60)
            url = f"http://127.0.0.1:{port}"
            auction, tokens = asyncio.run(_prepare(url))
            before, began_at = cpu_by_name(up.pid), time.monotonic()
            job = PlatformJob(
                port=port, tokens=tokens, auction=auction, viewers=VIEWERS, rate=RATE, seconds=seconds
            )
            result = load(job)
            _print_cpu(before, cpu_by_name(up.pid), time.monotonic() - began_at)
            return result
        finally:
            up.stop()
