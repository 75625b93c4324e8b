"""Lots at a fixed price in words, for every command that shows lots. A lot is the JSON of the API."""

from typing import Any

from blytz.kit.money_text import money


def is_fixed(lot: dict[str, Any]) -> bool:
    return bool(lot["terms"].get("format") == "fixed")


def first_price(lot: dict[str, Any]) -> str:
    """Of a lot to come, with its units where there is more than one: the price, or where the auction starts."""
    terms = lot["terms"]
    if is_fixed(lot):
        return _units(terms["quantity"]) + money(terms["price"], terms["currency"])
    return _units(lot["quantity"] - lot["unit"] + 1) + money(terms["start_price"], terms["currency"])


def unit_price(lot: dict[str, Any]) -> str:
    """The regular one of a lot at a fixed price."""
    return money(lot["terms"]["price"], lot["terms"]["currency"])


def stock(lot: dict[str, Any]) -> str:
    """`2 of 3 left`, of an open lot at a fixed price."""
    return f"{lot['left']} of {lot['terms']['quantity']} left" if lot["left"] else "sold out"


def sold_units(lot: dict[str, Any]) -> str:
    """`2 of 3`, of a lot at a fixed price."""
    return f"{lot['terms']['quantity'] - lot['left']} of {lot['terms']['quantity']}"


def _units(number: int) -> str:
    return f"{number} x " if number > 1 else ""
