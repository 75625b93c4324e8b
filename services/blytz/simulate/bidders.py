"""The people of the demo: each has a temper, and a limit of its own for what is sold."""

import random
from collections.abc import Callable
from typing import Any, Final, Literal

from msgspec import Struct

Temper = Literal["steady", "sniper", "ceiling", "chatterer", "shopper"]
MAX_BIDS: Final = 25
"""Of one person in one auction."""
SNIPES_WITHIN_MS: Final = {"extended": 4_000, "sudden_death": 1_800}
MAX_OVERPAY_FACTOR: Final = 1.4
"""How much more than its limit a shopper pays to have it now."""


class Person(Struct, frozen=True):
    name: str
    temper: Temper


PEOPLE: Final = (
    Person("Maya Rosen", "steady"),
    Person("Jonas Weber", "ceiling"),
    Person("Priya Nair", "sniper"),
    Person("Tomás Silva", "chatterer"),
    Person("Aiko Tanaka", "steady"),
    Person("Lena Fischer", "sniper"),
    Person("Omar Haddad", "steady"),
    Person("Chloé Martin", "ceiling"),
    Person("Sam Okafor", "chatterer"),
    Person("Ingrid Dahl", "steady"),
    Person("Mateo Ruiz", "shopper"),
    Person("Zoë Chen", "steady"),
    Person("Ben Carter", "ceiling"),
    Person("Fatima Zahra", "sniper"),
)


def cast(chance: random.Random) -> list[Person]:
    """The bidders of one auction: a random part of all, and always two who start it."""
    steady = chance.sample([person for person in PEOPLE if person.temper == "steady"], 2)
    others = [person for person in PEOPLE if person not in steady]
    return steady + chance.sample(others, chance.randint(5, 8))


class Move(Struct, frozen=True):
    amount: int
    kind: Literal["exact", "max", "buy_now"] = "exact"


class Mind:
    """What one person does about one auction. `think` is asked several times a second, and mostly says nothing.

    `limit` is the most it would pay, in minor units. Times are those of the server, in milliseconds.
    """

    def __init__(self, temper: Temper, name: str, limit: int, chance: random.Random) -> None:
        self.temper, self.limit = temper, limit
        self._name, self._chance = name, chance
        self._not_before = 0.0
        self._keen = 1.0
        self._moves = 0
        self._raised = False

    def think(self, state: dict[str, Any], now_ms: float) -> Move | None:
        if state["status"] != "open" or now_ms < self._not_before or self._moves >= MAX_BIDS:
            return None
        if self._not_before == 0:
            # Bidders react after a delay, each after another one.
            self._not_before = now_ms + self._first_pause_ms(state["ends_at"] - now_ms)
            return None
        self._keen = 0.5 + 0.5 * (now_ms - state["opened_at"]) / max(1, state["ends_at"] - state["opened_at"])
        leading = state["leader"] is not None and state["leader"]["name"] == self._name
        move = None if leading else _TEMPERS[self.temper](self, state, state["ends_at"] - now_ms)
        if move is not None:
            self._moves += 1
            self._not_before = now_ms + self._pause_ms()
        return move

    def _first_pause_ms(self, remaining_ms: float) -> float:
        """The steady ones set the pace; others come in while the auction runs."""
        if self.temper == "steady":
            return self._chance.uniform(300, 1_500)
        earliest, latest = {"ceiling": (0.15, 0.6), "shopper": (0.1, 0.5)}.get(self.temper, (0.02, 0.3))
        return self._chance.uniform(earliest, latest) * remaining_ms

    def _pause_ms(self) -> float:
        low, high = {"sniper": (150, 700), "chatterer": (2_500, 7_000)}.get(self.temper, (1_200, 6_000))
        return self._chance.uniform(low, high)

    def steady(self, state: dict[str, Any], _: float) -> Move | None:
        """Bids the minimum as long as it is worth it, sometimes a step more to shake the others off. The longer
        people have wanted a lot, the more it is worth to them."""
        ask, most = state["minimum"], int(self.limit * self._keen)
        if ask > most:
            return None
        bold = ask + (ask - state["price"]) if state["leader"] and self._chance.random() < 0.15 else ask
        return Move(min(bold, most))

    def sniper(self, state: dict[str, Any], remaining_ms: float) -> Move | None:
        """Says nothing until the last seconds."""
        late = remaining_ms < SNIPES_WITHIN_MS[state["terms"]["ending"]]
        return Move(state["minimum"]) if late and state["minimum"] <= self.limit else None

    def ceiling(self, state: dict[str, Any], _: float) -> Move | None:
        """Leaves a hidden maximum, and thinks better of it once when it did not last."""
        if self._moves == 0 and state["minimum"] <= self.limit:
            return Move(self.limit, "max")
        if self._moves > 0 and not self._raised and self._chance.random() < 0.4:
            self._raised, self.limit = True, int(self.limit * 1.2)
            return Move(self.limit, "max") if state["minimum"] <= self.limit else None
        return None

    def chatterer(self, state: dict[str, Any], remaining_ms: float) -> Move | None:
        """Joins in with less than is asked; now and then it counts."""
        if self._chance.random() < 0.25:
            return self.steady(state, remaining_ms)
        return Move(max(1, int(state["minimum"] * self._chance.uniform(0.3, 0.95))))

    def shopper(self, state: dict[str, Any], remaining_ms: float) -> Move | None:
        """Pays the buy-now price when it is low enough, and bids like anybody where there is none."""
        price = state["buy_now_price"]
        if price is None:
            return self.steady(state, remaining_ms)
        return Move(price, "buy_now") if state["price"] < price <= self.limit * MAX_OVERPAY_FACTOR else None


_TEMPERS: Final[dict[Temper, Callable[[Mind, dict[str, Any], float], Move | None]]] = {
    "steady": Mind.steady,
    "sniper": Mind.sniper,
    "ceiling": Mind.ceiling,
    "chatterer": Mind.chatterer,
    "shopper": Mind.shopper,
}
