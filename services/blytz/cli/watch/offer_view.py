"""How `blytz watch` draws a lot at a fixed price: its price, what is left of it, the clock of its sale."""

from typing import Any

from rich.text import Text

from blytz.cli.fixed_price import sold_units, stock, unit_price
from blytz.cli.watch.show_scene import ShowScene
from blytz.cli.watch.view import ONE_COLUMN, TALL_ENOUGH, duration, in_pairs, side_by_side, spread
from blytz.kit.money_text import money

Json = dict[str, Any]


def offer_figures(scene: ShowScene, lot: Json, width: int, height: int) -> list[Text]:
    """The price at the left, what is left at the right: as big as there is room for."""
    remaining = scene.sale_remaining_ms(lot)
    price, style = (_sale_price(lot), "bold yellow") if remaining else (unit_price(lot), "bold green")
    rows = side_by_side((price, style), _standing(scene, lot), width, tall=height >= TALL_ENOUGH)
    per_buyer = lot["terms"].get("per_buyer")
    at_most = Text(f"at most {per_buyer} for each buyer" if per_buyer else "", style="dim")
    kind = Text("sale price" if remaining else "fixed price", style="dim")
    return [Text(""), *rows, *in_pairs(kind, at_most, width)]


def offer_facts(scene: ShowScene, lot: Json, width: int) -> list[Text]:
    """What the sale price is or how long it holds, and how many watch."""
    watching = Text(f"{scene.topic.viewers} watching", style="dim")
    sale = _sale(scene, lot)
    return [*_in_lines(sale), watching] if width < ONE_COLUMN else [spread(sale, watching, width)]


def offer_in_short(scene: ShowScene, lot: Json, width: int) -> list[Text]:
    """Two lines, for a terminal that is not tall."""
    price = _sale_price(lot) if scene.sale_remaining_ms(lot) else unit_price(lot)
    words, style = _standing(scene, lot)
    return [
        spread(Text(price, style="bold green"), Text(words, style=style), width),
        *_in_lines(_sale(scene, lot)),
    ]


def _in_lines(text: Text) -> list[Text]:
    return [text] if text.cell_len else []


def _standing(scene: ShowScene, lot: Json) -> tuple[str, str]:
    """How it stands, and its style."""
    assert scene.state is not None
    match lot["status"]:
        case "open" if lot["left"] and scene.state["show"]["status"] == "paused":
            return f"paused, {stock(lot)}", "bold yellow"
        case "open" if lot["left"]:
            return stock(lot), "bold white"
        case "open" | "sold":
            if lot["left"]:
                return f"{sold_units(lot)} sold", "bold magenta"
            return " sold out ", "bold white on magenta"
        case "unsold":
            return "not sold", "dim"
    return "called off", "dim"


def _sale(scene: ShowScene, lot: Json) -> Text:
    sale = lot["terms"].get("sale")
    if not sale or lot["status"] != "open" or not lot["left"]:
        return Text("")
    remaining = scene.sale_remaining_ms(lot)
    if remaining is None:
        # Who came after the opening is not told when it was.
        return Text(f"sale: {_sale_price(lot)} in the first {duration(sale['for_ms'])}", style="yellow")
    if not remaining:
        return Text("")
    return Text(f"sale ends in {duration(remaining)}, then {unit_price(lot)}", style="yellow")


def _sale_price(lot: Json) -> str:
    return money(lot["terms"]["sale"]["price"], lot["terms"]["currency"])
