"""`blytz verify`: replays what is recorded of auctions and reports the first difference."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from blytz.auction.replay import Difference
from blytz.cli.data_folder import DataOption, data_folder, running_platform
from blytz.kit.money_text import money
from blytz.kit.text import isolated
from blytz.kit.user_error import UserError

if TYPE_CHECKING:
    from redis import Redis

    from blytz.auction.archive import Copy
    from blytz.auction.model import Auction
    from blytz.auction.redis.audit import Record
    from blytz.auction.sql.store import SqlArchive
    from blytz.kit.sql.database import Database

CONNECT_WITHIN_S = 5.0
Report = dict[str, Any]


def verify(
    auction: Annotated[
        str | None, typer.Argument(metavar="AUCTION", help="The id of an auction.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Verify every auction.")] = False,
    redis_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the auctions are.", envvar="REDIS_URL")
    ] = None,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Decide every event of an auction again and compare: events byte for byte, receipts, the final state.

    Reads Redis directly, that of --redis-url, else that of the `blytz up` that runs in --data; and the archive,
    that of DATABASE_URL, else the one in --data. Exit code 1 when anything differs.
    """
    from redis import Redis, RedisError

    if every == (auction is not None):
        raise UserError("say which auction to verify, or --all: one of the two")
    folder = data_folder(data)
    right, count = True, 0

    try:
        with Redis.from_url(redis_url or _redis_of(folder), socket_connect_timeout=CONNECT_WITHIN_S) as redis:
            for report in _reports(redis, folder, auction):
                right, count = right and report["ok"], count + 1
                typer.echo(msgspec.json.encode(report).decode() if as_json else _line(report))
    except ValueError as error:
        raise UserError(f"that is not the address of a Redis: {error}") from error
    except RedisError as error:
        raise UserError(f"Redis does not answer ({error}): is it running, and is its address right?") from error
    if not count:
        typer.echo("there are no auctions", err=True)
    if not right:
        raise typer.Exit(1)


def _redis_of(folder: Path) -> str:
    platform = running_platform(folder)
    if platform is None:
        raise UserError(f"no `blytz up` is running in {folder}: name its folder with --data, or give --redis-url")
    return str(platform["redis_url"])


def _reports(redis: "Redis", folder: Path, auction_id: str | None) -> Iterator[Report]:
    """Of all that is in Redis, then of the whole archive; of one auction, from where it is read."""
    if auction_id is None:
        yield from _of_redis(redis, None)
        yield from _of_archive(folder, None)
        return
    reports = [*_of_redis(redis, auction_id)] or [*_of_archive(folder, auction_id)]
    if not reports:
        raise UserError(f"there is no auction {auction_id}; `blytz verify --all` looks at every one there is")
    yield from reports


def _of_redis(redis: "Redis", auction_id: str | None) -> Iterator[Report]:
    from blytz.auction.redis import audit

    for each in [auction_id] if auction_id else audit.auction_ids(redis):
        record = audit.read(redis, each)
        if record is not None:
            yield report_on(record)


def _of_archive(folder: Path, auction_id: str | None) -> Iterator[Report]:
    import asyncio
    import os

    from blytz.apps.databases import NAME_OF_ARCHIVE
    from blytz.kit.config.database_url import faults
    from blytz.kit.config.fields import one_text
    from blytz.kit.config.model import variable
    from blytz.kit.sql.database import Database

    name = variable("database_url")
    url = one_text(os.environ, name) or ""
    for fault in faults(url, is_production=False):
        raise UserError(f"{name}{fault}")
    # Looking into a file that is not there would make it.
    if not url and not (folder / f"{NAME_OF_ARCHIVE}.sqlite").exists():
        return
    reports = _reports_on_copies(Database(NAME_OF_ARCHIVE, url, folder), auction_id)
    with asyncio.Runner() as runner:
        while report := runner.run(_next(reports)):
            yield report


async def _next(reports: AsyncIterator[Report]) -> Report | None:
    return await anext(reports, None)


async def _reports_on_copies(database: "Database", auction_id: str | None) -> AsyncIterator[Report]:
    from blytz.auction.sql.store import MIGRATIONS, SqlArchive
    from blytz.kit.problems import StoreUnavailable
    from blytz.kit.sql.revisions import check_revision

    try:
        await check_revision(database, MIGRATIONS)
        archive = SqlArchive(database)
        async for each in _ids(archive, auction_id):
            report = await _report_on_copy(archive, each)
            if report is not None:
                yield report
    except StoreUnavailable as error:
        raise UserError(f"the archive ({database.where}) does not answer: {error.__cause__}") from error
    finally:
        await database.close()


async def _ids(archive: "SqlArchive", auction_id: str | None) -> AsyncIterator[str]:
    if auction_id:
        yield auction_id
        return
    last = ""
    while page := await archive.ids(last):
        for each in page:
            yield each
        last = page[-1]


def report_on(record: "Record") -> Report:
    from blytz.auction.redis import audit

    report = {"auction_id": record.auction_id, "events": len(record.log), "bids": len(record.bids)}
    try:
        auction = audit.verify(record).auction
    except Difference as difference:
        return _differs(report, difference)
    return _is_right(report, auction)


async def _report_on_copy(archive: "SqlArchive", auction_id: str) -> Report | None:
    from blytz.auction.archive import check_copy

    report: Report = {"auction_id": auction_id, "archived": True, "events": 0, "bids": 0}
    try:
        copy: Copy | None = await archive.copy(auction_id)
        if copy is None:
            return None
        report |= {"events": len(copy.log), "bids": len(copy.seen)}
        check_copy(copy)
    except Difference as difference:
        return _differs(report, difference)
    return _is_right(report, copy.auction)


def _differs(report: Report, difference: Difference) -> Report:
    return {**report, "ok": False, "where": difference.where, "what": difference.what}


def _is_right(report: Report, auction: "Auction") -> Report:
    currency = auction.listing.terms.currency
    return {**report, "ok": True, "status": auction.status.value, "price": auction.price, "currency": currency}


def _line(report: Report) -> str:
    where = "  archived" if report.get("archived") else ""
    if not report["ok"]:
        difference = isolated(f"{report['where']}: {report['what']}")
        return f"{report['auction_id']}{where}  DIFFERS at {difference}"
    price = f" at {money(report['price'], report['currency'])}" if report["price"] else ""
    counts = f"{report['events']} events, {report['bids']} bids"
    return f"{report['auction_id']}{where}  ok: {counts}, {report['status']}{price}"
