"""Who calls, and which show is meant: what every `blytz show` command begins with."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from blytz.cli.options import LATEST, platform_url
from blytz.client.http import HttpClient, Unreachable
from blytz.client.live import LiveClient
from blytz.client.show_topic import SHOW_OVER
from blytz.kit.running import run
from blytz.kit.text import isolated
from blytz.kit.user_error import UserError

ShowArgument = Annotated[
    str, typer.Argument(metavar="SHOW", help="Its id; 'latest' is your newest one.", show_default=False)
]
LotArgument = Annotated[str, typer.Argument(metavar="LOT", help="Its id.", show_default=False)]
NameOption = Annotated[str, typer.Option("--as", metavar="NAME", help="On a dev platform: be this seller.")]
TokenOption = Annotated[str, typer.Option(metavar="TOKEN", envvar="BLYTZ_TOKEN", help="Who calls.")]
Json = dict[str, Any]


def call(
    work: Callable[[HttpClient], Awaitable[Any]], name: str, token: str, url: str | None, data: Path | None
) -> Any:
    """What `work` returns, done as the seller `name` or as the holder of `token`."""
    if bool(name) == bool(token):
        raise UserError("say who calls: --as NAME on a dev platform, else --token; one of the two")

    async def as_caller() -> Any:
        http = HttpClient(platform_url(url, data), token or None)
        http.token = http.token or await http.sign_in(name, "seller")
        return await work(http)

    return run(as_caller())


async def own_id(http: HttpClient) -> str:
    """The user whose token this is: only the live gateway says so."""
    async with LiveClient(http.live_url, http.token) as client:
        try:
            await client.until_signed_in()
        except ConnectionError as error:
            raise UserError(f"the gateway refuses this connection: {error}") from error
        except TimeoutError as error:
            raise Unreachable(f"{http.url} does not take live connections: is `blytz up` running?") from error
        return str(client.user["id"])


async def own_shows(http: HttpClient) -> list[Json]:
    """Up to 100: live ones first, then the soonest, drafts, and those that are over."""
    return await http.shows(seller=await own_id(http), limit=100)


async def show_id(http: HttpClient, wanted: str) -> str:
    """For 'latest' the newest own show that is not over, else the one that ended last."""
    if wanted != LATEST:
        return wanted
    shows = await own_shows(http)
    to_come = [show for show in shows if show["status"] not in SHOW_OVER]
    if to_come:
        newest = max(to_come, key=lambda show: show["show_id"])
        if len(to_come) > 1:
            which = f"the newest of your {len(to_come)} shows that are not over"
            typer.echo(f"blytz: {LATEST} is {newest['show_id']}, {isolated(newest['title'])}: {which}", err=True)
        return str(newest["show_id"])
    if not shows:
        raise UserError("you have no show yet: make one with `blytz show create TITLE`")
    return str(shows[0]["show_id"])


def write(as_json: bool, answers: Sequence[Json], line: Callable[[Json], str]) -> None:
    """One line for each: JSON, or what `line` makes of it for people."""
    for answer in answers:
        typer.echo(msgspec.json.encode(answer).decode() if as_json else line(answer))
