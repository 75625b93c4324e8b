"""`blytz show start`, `next`, `pause`, `resume`, `end` and `rerun`."""

from collections.abc import Callable
from typing import Annotated

import typer

from blytz.cli.data_folder import DataOption
from blytz.cli.options import JsonOption, UrlOption
from blytz.cli.show.caller import Json, LotArgument, NameOption, ShowArgument, TokenOption, call, show_id, write
from blytz.cli.show.lines import lot_line, show_line, waiting
from blytz.client.http import HttpClient, lot_path, show_path
from blytz.client.show_topic import SHOW_OVER


def turning(verb: str, effect: str, line: Callable[[Json], str] = show_line) -> Callable[..., None]:
    """The command of an act that needs nothing but its show."""

    def act(
        show: ShowArgument,
        name: NameOption = "",
        token: TokenOption = "",
        url: UrlOption = None,
        data: DataOption = None,
        as_json: JsonOption = False,
    ) -> None:
        async def turned(http: HttpClient) -> Json:
            return await http.post(show_path(await show_id(http, show), verb))

        write(as_json, [call(turned, name, token, url, data)], line)

    act.__doc__ = effect
    return act


def end(
    show: ShowArgument,
    *,
    now: Annotated[bool, typer.Option("--now", help="Cancel the lots that are open.")] = False,
    name: NameOption = "",
    token: TokenOption = "",
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a show once no lot is open."""

    async def ended(http: HttpClient) -> tuple[Json, list[Json]]:
        ending = await http.post(show_path(await show_id(http, show), "end"), {"now": now})
        waits = ending["open_lots"] and ending["status"] not in SHOW_OVER and not as_json
        return ending, await http.lots(ending["show_id"]) if waits else []

    ending, lots = call(ended, name, token, url, data)
    write(as_json, [ending], lambda show: f"{show_line(show)}{waiting(show, lots)}")


def rerun(
    lot: LotArgument,
    name: NameOption = "",
    token: TokenOption = "",
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a lot again that was sold, unsold or passed, on the terms that it has."""

    async def reopened(http: HttpClient) -> Json:
        return await http.post(lot_path(lot, "rerun"))

    write(as_json, [call(reopened, name, token, url, data)], lot_line)
