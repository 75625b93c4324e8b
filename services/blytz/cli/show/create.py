"""`blytz show create`."""

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from blytz.auction.model import DAY_MS
from blytz.cli.data_folder import DataOption
from blytz.cli.options import JsonOption, UrlOption
from blytz.cli.show.caller import Json, NameOption, TokenOption, call, write
from blytz.cli.show.lines import show_line
from blytz.cli.show.lots_file import lot_of, lots_in
from blytz.client.http import HttpClient, show_path
from blytz.kit.user_error import UserError

MAX_AHEAD_MS: Final = 366 * DAY_MS
"""The platform takes no later time, and none that is more than a day in the past."""


def create(
    title: Annotated[str, typer.Argument(metavar="TITLE", show_default=False)],
    lot: Annotated[
        list[str] | None,
        typer.Option(metavar="TITLE=PRICE", help="A lot and its start price in minor units. May be repeated."),
    ] = None,
    lots: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="More lots: .json as the API takes them, or .csv with a column 'title'."
        ),
    ] = None,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="When it begins, like 2026-12-24T18:00. Without it: a draft.")
    ] = "",
    auto_advance: Annotated[
        int | None,
        typer.Option(
            min=1, max=600, metavar="SECONDS", help="Open the next lot so long after the last.", show_default=False
        ),
    ] = None,
    name: NameOption = "",
    token: TokenOption = "",
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a show, with lots, and print it."""
    wanted = [lot_of(each) for each in lot or ()] + (lots_in(lots) if lots else [])
    body: Json = {"title": title, "scheduled_at": moment(at) if at else None}
    if auto_advance:
        body["settings"] = {"auto_advance_ms": auto_advance * 1000}

    async def make(http: HttpClient) -> Json:
        show = await http.post("/auction/v1/shows", body)
        for number, each in enumerate(wanted, 1):
            try:
                await http.post(show_path(show["show_id"], "lots"), each)
            except UserError as fault:
                raise UserError(f"lot {number} of {show['show_id']}: {fault}") from fault
        return await http.show(show["show_id"])

    write(as_json, [call(make, name, token, url, data)], show_line)


def moment(text: str) -> int:
    """Milliseconds since the Unix epoch of a time in ISO 8601; one without an offset is this machine's. Raises
    UserError also for what the platform would refuse, in the form in which it was given."""
    try:
        at = round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise UserError(f"--at {text!r} is not a time like 2026-12-24T18:00 or 2026-12-24T18:00+01:00") from error
    ahead_ms = at - time.time() * 1000
    if ahead_ms < -DAY_MS:
        raise UserError(f"--at {text} is in the past")
    if ahead_ms > MAX_AHEAD_MS:
        raise UserError(f"--at {text} is more than a year ahead")
    return at
