"""Which shows the demo gives: a title, and lots that the show before it did not have."""

import random
from typing import Any, Final

from msgspec import Struct

from blytz.simulate.demo_lots import LOTS, Lot

LOTS_OF_A_SHOW: Final = 10
NEXT_LOT_AFTER_MS: Final = 4_000
TITLES: Final = (
    ("Sunday attic", "What came down from the attic this week, one by one."),
    ("Wheel and kiln", "Pottery, and what goes with it."),
    ("The long table", "Ten things that want another home."),
    ("Late night finds", "Found at markets, cleaned, and brought to you."),
    ("Small treasures", "Nothing larger than a suitcase."),
    ("Collectors' hour", "For those who know what they are looking at."),
    ("Clear the shelf", "The shelf must be empty by midnight."),
)


class Programme(Struct, frozen=True):
    """One show to come."""

    title: str
    description: str
    lots: tuple[Lot, ...]

    def show(self, scheduled_at: int, cover: str | None) -> dict[str, Any]:
        """What creates it; `scheduled_at` in milliseconds since the Unix epoch."""
        return {
            "title": self.title,
            "description": self.description,
            "category": "demo",
            "cover": cover,
            "scheduled_at": scheduled_at,
            "settings": {"auto_advance_ms": NEXT_LOT_AFTER_MS},
        }


class Programmes:
    """One programme after the other, without end."""

    def __init__(self, chance: random.Random, lots: int = LOTS_OF_A_SHOW) -> None:
        self._chance, self._count = chance, lots
        self._titles: list[tuple[str, str]] = []
        self._lots: list[Lot] = []

    def next(self) -> Programme:
        """Titles and lots are drawn like cards: none comes back before all others were there."""
        if not self._titles:
            self._titles = self._chance.sample(TITLES, len(TITLES))
        drawn: list[Lot] = []
        while len(drawn) < self._count:
            if not self._lots:
                others = [lot for lot in LOTS if lot not in drawn]
                self._lots = self._chance.sample(others, len(others))
            drawn.append(self._lots.pop())
        return Programme(*self._titles.pop(), tuple(drawn))


def lot_body(lot: Lot, duration_ms: int, image: str | None) -> dict[str, Any]:
    """What adds it to a show. With all extensions it takes at most twice `duration_ms`."""
    return {
        "title": lot.title,
        "condition": lot.condition,
        "images": [image] if image else [],
        "terms": {**lot.terms, "duration_ms": duration_ms, "max_total_ms": 2 * duration_ms},
    }


def second_chance(terms: dict[str, Any]) -> dict[str, Any]:
    """The terms on which a lot that was not sold comes up again: from half the price, and without a reserve."""
    return {**terms, "start_price": max(1, terms["start_price"] // 2)}
