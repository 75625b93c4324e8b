"""`blytz bid`: one bid, and what became of it."""

import contextlib
import re
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Struct

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


class BidOn(Struct, frozen=True):
    """The lot, as far as it is known."""

    title: str = ""
    currency: str = "USD"


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
    result, lot = run(_place(http, name, auction, amount, kind, bid_id))
    typer.echo(msgspec.json.encode(result).decode() if as_json else line(result, lot))
    if result.outcome not in {"accepted", "outbid"}:
        raise typer.Exit(UNKNOWN if result.outcome == "pending" else 1)


async def _place(
    http: HttpClient, name: str, auction: str, amount: int, kind: str, bid_id: str
) -> tuple[BidResult, BidOn]:
    token = http.token or await http.sign_in(name, "bidder")
    lot = BidOn()
    if auction == LATEST:
        auction = await _newest(http)
    with contextlib.suppress(ApiFault):
        found = await http.auction(auction)
        lot = BidOn(isolated(found["title"]), found["terms"]["currency"])
    async with LiveClient(http.live_url, token) as client:
        try:
            await client.until_live()
            return await client.place_bid(auction, amount, kind, bid_id=bid_id), lot
        except ConnectionError as error:
            raise UserError(f"the gateway refuses this connection: {error}") from error
        except TimeoutError as error:
            raise Unreachable(f"{http.url} does not take live connections: is `blytz up` running?") from error


async def _newest(http: HttpClient) -> str:
    newest = await http.auctions(status="open", limit=2)
    if not newest:
        raise UserError("no auction is open: name one by its id, or open one first")
    auction_id, title = newest[0]["auction_id"], isolated(newest[0]["title"])
    if len(newest) > 1:
        typer.echo(f"blytz: {LATEST} is {auction_id}, {title}: the newest of several open auctions", err=True)
    return str(auction_id)


def line(result: BidResult, lot: BidOn) -> str:
    """What became of the bid, for people."""
    currency, title = lot.currency, lot.title
    price = money(result.price or 0, currency)
    ask = f"; next bid {money(result.minimum, currency)}" if result.minimum else ""
    again = " (as answered before)" if result.replayed else ""
    match result.outcome:
        case "accepted":
            return f"accepted{again}: you lead{title and ' '}{title} at {price}{ask}"
        case "outbid":
            on = f"outbid{title and ' on '}{title}{again}"
            return f"{on}: another bidder's hidden maximum stays ahead at {price}{ask}"
        case "pending":
            return f"pending ({result.code}): not known yet; ask again with --bid-id {result.bid_id}"
    why = f"refused: {result.code}"
    if result.code == "bid_too_low" and result.minimum:
        return f"{why}: {title or 'it'} takes {money(result.minimum, currency)} or more"
    if result.code == "auction_not_found":
        return f"{why}: name one by its id, or say {LATEST} for the newest open one"
    sentence = isolated(result.detail) if result.detail else _sentence(result.code)
    return f"{why}{sentence and ': '}{sentence}{title and f' ({title})'}"


def _sentence(code: str | None) -> str:
    """What a refusal of the rules means; empty for any other code."""
    from blytz.auction.model import Code, Refused
    from blytz.auction.service import refusal

    with contextlib.suppress(ValueError):
        return str(refusal(Refused(Code(code or ""))))
    return ""
