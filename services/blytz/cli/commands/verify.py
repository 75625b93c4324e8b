"""`blytz verify`: replays what is recorded of auctions and reports the first difference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from redis import Redis, RedisError

from blytz.auction.redis import audit
from blytz.auction.replay import Difference
from blytz.cli.data_folder import DataOption, data_folder, running_platform
from blytz.kit.money_text import money
from blytz.kit.text import isolated
from blytz.kit.user_error import UserError

CONNECT_WITHIN_S = 5.0


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

    Reads Redis directly: that of --redis-url, else that of the `blytz up` that runs in --data. Exit code 1 when
    anything differs.
    """
    if every == (auction is not None):
        raise UserError("say which auction to verify, or --all: one of the two")
    right, count = True, 0
    try:
        with Redis.from_url(redis_url or _redis_of(data), socket_connect_timeout=CONNECT_WITHIN_S) as redis:
            for report in _reports(redis, auction):
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


def _redis_of(data: Path | None) -> str:
    folder = data_folder(data)
    platform = running_platform(folder)
    if platform is None:
        raise UserError(f"no `blytz up` is running in {folder}: name its folder with --data, or give --redis-url")
    return str(platform["redis_url"])


def _reports(redis: Redis, auction: str | None) -> Iterator[dict[str, Any]]:
    for auction_id in [auction] if auction else audit.auction_ids(redis):
        record = audit.read(redis, auction_id)
        if record is not None:
            yield report_on(record)
        elif auction:
            raise UserError(f"there is no auction {auction}; `blytz verify --all` looks at every one there is")


def report_on(record: audit.Record) -> dict[str, Any]:
    report = {"auction_id": record.auction_id, "events": len(record.log), "bids": len(record.bids)}
    try:
        auction = audit.verify(record).auction
    except Difference as difference:
        return {**report, "ok": False, "where": difference.where, "what": difference.what}
    currency = auction.listing.terms.currency
    return {**report, "ok": True, "status": auction.status.value, "price": auction.price, "currency": currency}


def _line(report: dict[str, Any]) -> str:
    if not report["ok"]:
        difference = isolated(f"{report['where']}: {report['what']}")
        return f"{report['auction_id']}  DIFFERS at {difference}"
    price = f" at {money(report['price'], report['currency'])}" if report["price"] else ""
    counts = f"{report['events']} events, {report['bids']} bids"
    return f"{report['auction_id']}  ok: {counts}, {report['status']}{price}"
