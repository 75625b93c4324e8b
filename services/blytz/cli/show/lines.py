"""A show and a lot for people, in one line each."""

import time
from typing import Any

from blytz.cli.fixed_price import first_price, is_fixed, sold_units, stock, unit_price
from blytz.kit.money_text import money
from blytz.kit.text import isolated


def show_line(show: dict[str, Any]) -> str:
    lots = show["lots"]
    count = f"{lots['total']} lot{'s' * (lots['total'] != 1)}"
    sold = f", {lots['sold']} sold" if lots["sold"] else ""
    at = f" at {_moment(show['scheduled_at'])}" if show["status"] == "scheduled" else ""
    return f"{show['show_id']}  {show['status']}{at}  {isolated(show['title'])}  {count}{sold}"


def lot_line(lot: dict[str, Any]) -> str:
    return f"{lot['lot_id']}  #{lot['number']}  {isolated(lot['title'])}  {_standing(lot)}"


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
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_ms / 1000))
