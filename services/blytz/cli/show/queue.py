"""`blytz show list` and `blytz show queue`."""

from typing import Annotated

import typer

from blytz.cli.data_folder import DataOption
from blytz.cli.options import JsonOption, UrlOption
from blytz.cli.show.caller import Json, NameOption, ShowArgument, TokenOption, call, own_shows, show_id, write
from blytz.cli.show.lines import lot_line, show_line
from blytz.client.http import HttpClient, show_path
from blytz.kit.user_error import UserError


def listed(
    name: NameOption = "",
    token: TokenOption = "",
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your shows: live ones first, then the soonest, drafts, and those that are over; at most 100."""
    write(as_json, call(own_shows, name, token, url, data), show_line)


def queue(
    show: ShowArgument,
    lot: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LOT...]", help="Lots to come first, in this order.", show_default=False),
    ] = None,
    name: NameOption = "",
    token: TokenOption = "",
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the lots of a show in queue order; with lots, put those first."""

    async def ordered(http: HttpClient) -> list[Json]:
        wanted = await show_id(http, show)
        lots = await http.lots(wanted)
        if not lot:
            return lots
        queued = [each["lot_id"] for each in lots if each["status"] == "queued"]
        if strange := [each for each in lot if each not in queued]:
            raise UserError(f"{strange[0]} is not queued in {wanted}")
        first = list(dict.fromkeys(lot))
        await http.put(show_path(wanted, "queue"), {"lot_ids": first + [i for i in queued if i not in first]})
        return await http.lots(wanted)

    write(as_json, call(ordered, name, token, url, data), lot_line)
