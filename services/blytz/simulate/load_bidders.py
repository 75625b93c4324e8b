"""How simulated bidders bid when nothing but load is wanted (the demo's have tempers, bidders.py)."""

import itertools
import random
from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import Struct

from blytz.kit.ids import new_id
from blytz.kit.money import MAX_AMOUNT

Manner = Literal["raise", "ceiling", "low", "again"]
Weights = tuple[tuple[Manner, float], ...]
CROWD: Final[Weights] = (("raise", 0.80), ("ceiling", 0.08), ("low", 0.09), ("again", 0.03))
RISING: Final[Weights] = (("raise", 1.0),)
"""Every bid is meant to be accepted: what the figures are taken with."""
STEPS_OF_A_CEILING: Final = 5

Who = TypeVar("Who")


class Due(Struct, Generic[Who], frozen=True):
    """A bid to send."""

    bidder: Who
    bid_id: str
    amount: int
    kind: Literal["exact", "max"] = "exact"


class Chooser(Generic[Who]):
    """Who bids next, and what. Bidders know of each other's bids in flight: otherwise nearly all bids on a busy
    auction would be too low, and the load would measure only refusals."""

    def __init__(self, bidders: list[Who], manners: Weights, chance: random.Random) -> None:
        self._turns, self._chance = itertools.cycle(bidders), chance
        self._manners = [manner for manner, _ in manners]
        self._weights = [weight for _, weight in manners]
        self._last: Due[Who] | None = None
        self._ask = 0

    def next(self, state: dict[str, Any]) -> Due[Who]:
        self._last = due = self._choose(state, self._last)
        return due

    def _choose(self, state: dict[str, Any], last: Due[Who] | None) -> Due[Who]:
        bidder, bid_id = next(self._turns), new_id("b")
        manner = self._chance.choices(self._manners, self._weights)[0]
        step = state["minimum"] - state["price"] if state["leader"] else state["terms"]["increments"][0][1]
        if manner == "again" and last is not None:
            return last
        if manner == "low" and state["leader"]:
            return Due(bidder, bid_id, max(1, state["price"] // 2))
        amount = min(MAX_AMOUNT, max(self._ask, state["minimum"]))
        self._ask = amount + step
        if manner == "ceiling":
            return Due(bidder, bid_id, min(MAX_AMOUNT, amount + STEPS_OF_A_CEILING * step), "max")
        return Due(bidder, bid_id, amount)
