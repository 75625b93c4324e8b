"""`blytz bid`: one bid, and what became of it."""

import contextlib
import re
from typing import Annotated, Literal

import msgspec
import typer

from blytz.cli.data_folder import DataOption
from blytz.cli.options import LATEST, JsonOption, UrlOption, platform_url
from blytz.client.http import ApiFault, HttpClient, Unreachable
from blytz.client.live import LiveClient
from blytz.client.writes import BidResult
from blytz.kit.money import MAX_AMOUNT
from blytz.kit.money_text import money
from blytz.kit.running import run
from blytz.kit.text import isolated
from blytz.kit.user_error import UserError

BID_ID = "[A-Za-z0-9_-]{1,64}"
UNKNOWN = 3
"""Exit code when the outcome of the bid is not known yet."""


def bid(
    auction: Annotated[
        str, typer.Argument(metavar="AUCTION", help="Its id; 'latest' is the newest open one.", show_default=False)
    ],
    amount: Annotated[
        int,
        typer.Argument(
            metavar="AMOUNT", min=1, max=MAX_AMOUNT, help="In minor units: 1250 is $12.50.", show_default=False
        ),
    ],
    kind: Annotated[
        Literal["exact", "max", "buy_now"],
        typer.Option(
            help="exact: this much. max: for you up to this much, hidden. buy_now: take it at that price."
        ),
    ] = "exact",
    bid_id: Annotated[str, typer.Option(help="The same one sent again gets the first answer again.")] = "",
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="On a dev platform: be this person.")] = "",
    token: Annotated[str, typer.Option(metavar="TOKEN", envvar="BLYTZ_TOKEN", help="Who bids.")] = "",
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Place one bid and print what became of it. Exit code 0 when it counts (accepted, outbid), 1 when it is
    refused, 3 when that is not known yet: send it again with the same --bid-id then."""
    if bool(name) == bool(token):
        raise UserError("say who bids: --as NAME on a dev platform, else --token; one of the two")
    if bid_id and not re.fullmatch(BID_ID, bid_id):
        raise UserError("a bid id has 1 to 64 letters, digits, _ or -")
    http = HttpClient(platform_url(url, data), token or None)
    result, currency = run(_place(http, name, auction, amount, kind, bid_id))
    typer.echo(msgspec.json.encode(result).decode() if as_json else line(result, currency))
    if result.outcome not in {"accepted", "outbid"}:
        raise typer.Exit(UNKNOWN if result.outcome == "pending" else 1)


async def _place(
    http: HttpClient, name: str, auction: str, amount: int, kind: str, bid_id: str
) -> tuple[BidResult, str]:
    token = http.token or await http.sign_in(name, "bidder")
    currency = "USD"
    if auction == LATEST:
        auction = await _newest(http)
    with contextlib.suppress(ApiFault):
        currency = (await http.auction(auction))["terms"]["currency"]
    async with LiveClient(http.live_url, token) as client:
        try:
            await client.until_live()
            return await client.place_bid(auction, amount, kind, bid_id=bid_id), currency
        except ConnectionError as error:
            raise UserError(f"the gateway refuses this connection: {error}") from error
        except TimeoutError as error:
            raise Unreachable(f"{http.url} does not take live connections: is `blytz up` running?") from error


async def _newest(http: HttpClient) -> str:
    newest = await http.newest("open")
    if newest is None:
        raise UserError("no auction is open: name one by its id, or open one first")
    return str(newest["auction_id"])


def line(result: BidResult, currency: str) -> str:
    """What became of the bid, for people."""
    price = money(result.price or 0, currency)
    ask = f"; next bid {money(result.minimum, currency)}" if result.minimum else ""
    again = " (as answered before)" if result.replayed else ""
    match result.outcome:
        case "accepted":
            return f"accepted{again}: you lead at {price}{ask}"
        case "outbid":
            return f"outbid{again}: another bidder's hidden maximum stays ahead at {price}{ask}"
        case "pending":
            return f"pending ({result.code}): not known yet; ask again with --bid-id {result.bid_id}"
    why = f"refused: {result.code}"
    if result.code == "bid_too_low" and result.minimum:
        return f"{why}: at least {money(result.minimum, currency)}"
    if result.code == "auction_not_found":
        return f"{why}: name one by its id, or say {LATEST} for the newest open one"
    return f"{why}: {isolated(result.detail)}" if result.detail else why
