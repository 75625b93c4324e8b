"""The scenario of the catalogue: its reads, straight at the auction service and through nginx."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.auctions import SELLER
from bench.jobs import ReadsJob, Result, Target
from bench.machine import BIN, SERVER_CORE, Process, cpu_by_name
from bench.rounds import Plan, Row, alternate, bounded, load, median_of, noise
from bench.scenarios import Servers, servers
from bench.sides import Peer
from blytz.auction.model import Terms
from blytz.kit.ids import new_id
from blytz.kit.sql.database import Database
from blytz.show.model import AuctionTerms, Lot, Show, ShowStatus
from blytz.show.sql.store import SqlCatalogue
from infra.ports import free_port

SHOWS, LOTS_OF_A_SHOW = 40, 20
CONNECTIONS = 50
READS_PER_S = 2_000
"""Of one core: each may cost 500 us of it."""
CPU_US_PER_READ = 1_000_000 / READS_PER_S
DESCRIPTION = "Thrown by hand and fired in a wood kiln, with the marks of ash and flame. " * 3
IMAGE = f"https://bid.example.com/images/ab/{'ab12' * 16}-1280.webp"


async def _fill(folder: Path) -> tuple[list[str], list[str]]:
    """The ids of shows, and of lots, that are written directly to the database of the service."""
    database = Database("show", "", folder)
    catalogue = SqlCatalogue(database)
    shows: list[str] = []
    lots: list[str] = []
    try:
        for number in range(SHOWS):
            show = Show(
                show_id=new_id("shw"),
                seller=SELLER,
                title=f"Pottery night {number}",
                description=DESCRIPTION,
                category="ceramics",
                tags=("pottery", "wood-fired", "tableware"),
                cover=IMAGE,
                status=ShowStatus.SCHEDULED,
                scheduled_at=2_000_000_000_000 + number,
            )
            await catalogue.create_show(show)
            shows.append(show.show_id)
            for lot_number in range(LOTS_OF_A_SHOW):
                lot = Lot(
                    lot_id=new_id("lot"),
                    show_id=show.show_id,
                    title=f"Tea bowl {lot_number}",
                    description=DESCRIPTION,
                    condition="as new",
                    images=(IMAGE,) * 3,
                    terms=AuctionTerms(**{name: getattr(Terms(), name) for name in Terms.__struct_fields__}),
                )
                await catalogue.add_lot(lot)
                lots.append(lot.lot_id)
    finally:
        await database.close()
    return shows, lots


@contextmanager
def _gateway(folder: Path, auction_port: int) -> Iterator[tuple[Process, int]]:
    """nginx on the server's core, and its port."""
    port = free_port()
    env = {
        "BLYTZ_GATEWAY_HTTP_PORT": str(port),
        "BLYTZ_GATEWAY_AUCTION": f"127.0.0.1:{auction_port}",
        "BLYTZ_GATEWAY_UNLIMITED": "127.0.0.0/8",
    }
    nginx = Process(
        "gateway", [BIN / "blytz", "gateway", "--data", folder], core=SERVER_CORE, folder=folder, env=env
    )
    try:
        nginx.wait_for(f"http://127.0.0.1:{port}/health")
        yield nginx, port
    finally:
        nginx.stop()


def _cpu_us(result: Result) -> float:
    return result.server_cpu_s / max(1, result.accepted) * 1e6


def _redis_cpu_us(result: Result) -> float:
    return result.redis_cpu_s / max(1, result.accepted) * 1e6


def _per_s(result: Result) -> float:
    return result.accepted / result.seconds


def catalogue(plan: Plan, peer: Peer | None) -> list[Row]:  # noqa: ARG001 - the Go peer has no catalogue
    with servers("http", None) as up, _gateway(up.folder, up.sides["blytz"].port) as (nginx, port):
        shows, lots = asyncio.run(_fill(up.folder))
        kinds = {
            "a page of 20 shows": ["/v1/shows"],
            "a show": [f"/v1/shows/{show_id}" for show_id in shows],
            f"its {LOTS_OF_A_SHOW} lots": [f"/v1/shows/{show_id}/lots" for show_id in shows],
            "a lot": [f"/v1/lots/{lot_id}" for lot_id in lots],
        }
        # One of each kind in turn, so that none is asked for more often than the others.
        mixed = [
            path
            for number in range(len(lots))
            for path in (paths[number % len(paths)] for paths in kinds.values())
        ]
        jobs = {kind: _job(up, paths, plan.seconds) for kind, paths in kinds.items()}
        jobs["all four"] = _job(up, mixed, plan.seconds)
        jobs["through nginx"] = _job(up, [f"/auction{path}" for path in mixed], plan.seconds, port)

        def run_round(kind: str) -> Result:
            before = sum(cpu_by_name(nginx.pid).values())
            result = load(jobs[kind])
            result.nginx_cpu_s = sum(cpu_by_name(nginx.pid).values()) - before
            return result

        results = alternate(plan.rounds, list(jobs), run_round, _summary)
    return _rows(results)


def _job(up: Servers, paths: list[str], seconds: float, port: int | None = None) -> ReadsJob:
    target = up.target("blytz")
    service_port = target.port
    if port is not None:
        target = Target(port=port, pid=target.pid, redis_pid=target.redis_pid)
    return ReadsJob(
        target=target, paths=paths, connections=CONNECTIONS, seconds=seconds, metrics_port=service_port
    )


def _summary(result: Result) -> str:
    reads = max(1, result.accepted)
    return (
        f"{_per_s(result):,.0f} reads/s of {result.received_bytes / reads / 1_000:.1f} KB, p99 "
        f"{result.ack_ms.get('p99', 0):.0f} ms; CPU a read: {_cpu_us(result):.0f} us of the service, "
        f"{_redis_cpu_us(result):.0f} of Redis, {result.nginx_cpu_s / reads * 1e6:.0f} of nginx; "
        f"{result.from_database} from the database, others {result.others_cpu_s / result.seconds:.0%}"
    )


def _rows(results: dict[str, list[Result]]) -> list[Row]:
    rounds = [result for each in results.values() for result in each]
    faults = sum(sum(result.other.values()) for result in rounds)
    rows = [
        bounded(
            f"Catalogue, {kind}: CPU per read",
            "us",
            median_of(results[kind], _cpu_us),
            at_most=CPU_US_PER_READ,
            note=f"Redis takes {median_of(results[kind], _redis_cpu_us):.0f} us",
        )
        for kind in results
        if kind != "through nginx"
    ]
    reads_per_s = median_of(results["all four"], _per_s)
    reads, asked = sum(result.accepted for result in rounds), sum(result.from_database for result in rounds)
    return [
        *rows,
        Row(
            figure="Catalogue, all four: reads of one core with Redis",
            unit="/s",
            ours=reads_per_s,
            target=f">= {READS_PER_S:,}",
            met=reads_per_s is not None and reads_per_s >= READS_PER_S,
            noise=noise(results),
        ),
        Row(
            figure="the same through nginx on that core",
            unit="/s",
            ours=median_of(results["through nginx"], _per_s),
            note=f"{faults} reads were not answered" if faults else "",
        ),
        Row(
            figure="Catalogue: reads that went to the database, of 1,000",
            unit="",
            ours=1_000 * asked / max(1, reads),
            note="each value once in 20 s, however many ask for it",
        ),
    ]
