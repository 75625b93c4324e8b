"""A show and a lot for people, in one line each."""

from datetime import UTC, datetime
from typing import Any, Final

from blytz.cli.fixed_price import first_price, is_fixed, sold_units, stock, unit_price
from blytz.kit.money_text import money
from blytz.kit.text import isolated

MAX_NAMED: Final = 5
"""Lots in one sentence."""


def show_line(show: dict[str, Any]) -> str:
    lots = show["lots"]
    count = f"{lots['total']} lot{'s' * (lots['total'] != 1)}"
    sold = f", {lots['sold']} sold" if lots["sold"] else ""
    at = f" at {_moment(show['scheduled_at'])}" if show["status"] == "scheduled" else ""
    return f"{show['show_id']}  {show['status']}{at}  {isolated(show['title'])}  {count}{sold}"


def lot_line(lot: dict[str, Any]) -> str:
    return f"{lot['lot_id']}  #{lot['number']}  {isolated(lot['title'])}  {_standing(lot)}"


def waiting(show: dict[str, Any], lots: list[dict[str, Any]]) -> str:
    """What a show that is to end waits for, of its lots; empty when that is nothing."""
    names = [f"#{lot['number']} {isolated(lot['title'])}" for lot in lots if lot["lot_id"] in show["open_lots"]]
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    stands = "; it is paused, so resume it first" if show["status"] == "paused" else ""
    what = f"{', '.join(names[:MAX_NAMED])}{more}"
    return f"\nit ends when {what} {'is' if len(names) == 1 else 'are'} over{stands}; --now cancels what is open"


def _standing(lot: dict[str, Any]) -> str:
    currency, status = lot["terms"]["currency"], lot["status"]
    match status:
        case "queued" if is_fixed(lot):
            return f"queued, {first_price(lot)}"
        case "open" if is_fixed(lot):
            return f"open as {lot['auction_id']}, {unit_price(lot)}, {stock(lot)}"
        case "sold" if is_fixed(lot):
            return (
                f"sold, {sold_units(lot)} for {unit_price(lot)} each"
                if lot["left"]
                else f"sold out, {first_price(lot)}"
            )
        case "queued":
            units = f" ({lot['unit']} of {lot['quantity']})" if lot["quantity"] > 1 else ""
            return f"queued{units}, starts at {money(lot['terms']['start_price'], currency)}"
        case "open":
            return f"open as {lot['auction_id']}"
        case "sold" if lot["winner"]:
            return f"sold to {isolated(lot['winner']['name'])} for {money(lot['price'], currency)}"
    return str(status)


def _moment(at_ms: int) -> str:
    """This machine's time, with its offset from UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    return f"{at:%Y-%m-%d %H:%M} {at:%z}"
