"""What people say in the chat of a demo show: lines that fit what has just happened."""

import random
from collections import deque
from typing import Any, Final

from msgspec import Struct

from blytz.kit.money_text import money
from blytz.simulate.bidders import PEOPLE
from blytz.simulate.demo_lines import POOLS
from blytz.simulate.demo_lots import LOTS

HOST: Final = "Atelier Demo"
MODERATOR: Final = "Nora Lindqvist"
BANTER_EVERY_MS: Final = 3_500
"""Of auctions: a lot gets more bids than people can talk about."""
REMEMBERED: Final = 40
"""Lines that are not said again for a while."""

_NAMES: Final = tuple(person.name for person in PEOPLE)
_REMARKS: Final = {lot.title: lot.remark for lot in LOTS}


class Line(Struct, frozen=True):
    """What somebody will say, `after_s` seconds from now."""

    speaker: str
    text: str
    after_s: float
    is_announcement: bool = False


class Talk:
    """Fed with the events of a show and of its auctions. Says nothing about most of them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._said: deque[str] = deque(maxlen=REMEMBERED)
        self._quiet_until = 0
        self._leader: str | None = None

    def about(self, event: dict[str, Any], lots: list[dict[str, Any]]) -> list[Line]:
        """`lots` are those of the show."""
        match event["kind"]:
            case "lot_opened":
                self._leader = None
                return self._opened(event["lot"], lots)
            case "lot_closed" if event["outcome"] != "cancelled":
                return self._closed(event)
            case "bid" if event["leader"] and event["at"] >= self._quiet_until:
                return self._bid(event, lots)
        return []

    def welcome(self) -> list[Line]:
        return [self._host("welcome", 0.3), *(self._guest("hello", 1, 8) for _ in range(4))]

    def goodbye(self) -> list[Line]:
        return [self._host("goodbye", 0.2), *(self._guest("bye", 0.5, 3) for _ in range(3))]

    def _opened(self, lot: dict[str, Any], lots: list[dict[str, Any]]) -> list[Line]:
        price = money(lot["terms"]["start_price"], lot["terms"]["currency"])
        left = sum(each["status"] == "queued" for each in lots)
        words = {"title": lot["title"], "price": price, "number": lot["number"], "total": len(lots), "left": left}
        if lot["run"] > 1:
            return [self._host("rerun", 0.3, **words), self._guest("again", 1.5, 4)]
        lines = [self._host("lot", 0.6, **words)]
        if remark := _REMARKS.get(lot["title"]):
            lines.append(Line(self._chance.choice(_NAMES), remark, self._chance.uniform(1.5, 5)))
        if left and self._chance.random() < 0.35:
            lines.append(Line(MODERATOR, self._line("notice", **words), self._chance.uniform(5, 9), True))
        return lines

    def _closed(self, event: dict[str, Any]) -> list[Line]:
        if event["outcome"] == "unsold":
            return [self._host("unsold", 0.4), self._guest("pity", 1, 2.5), self._guest("pity", 2, 3.5)]
        winner = event["winner"]["name"]
        words = {"winner": winner, "price": money(event["price"], event["lot"]["terms"]["currency"])}
        lines = [self._host("sold", 0.4, **words)]
        lines += [self._guest("congratulations", 1, 3, not_by=winner, **words) for _ in range(2)]
        if winner in _NAMES:
            lines.append(Line(winner, self._line("thanks"), self._chance.uniform(1.5, 3.5)))
        return lines

    def _bid(self, event: dict[str, Any], lots: list[dict[str, Any]]) -> list[Line]:
        before, self._leader = self._leader, event["leader"]["name"]
        kind = "extended" if event["extended"] else "outbid" if before and before != self._leader else "price"
        if kind == "price" and (self._chance.random() > 0.1 or event["bid_count"] < 6):
            return []
        self._quiet_until = event["at"] + round(BANTER_EVERY_MS * self._chance.uniform(0.7, 1.8))
        if kind == "outbid" and before in _NAMES and before is not None:
            return [Line(before, self._line(kind, leader=_first(self._leader)), self._chance.uniform(0.4, 1.5))]
        currency = next(
            (lot["terms"]["currency"] for lot in lots if lot["auction_id"] == event["auction_id"]), "USD"
        )
        price = money(event["price"], currency)
        return [self._guest("extended" if kind == "outbid" else kind, 0.3, 1, not_by=self._leader, price=price)]

    def _host(self, pool: str, after_s: float, **words: Any) -> Line:
        return Line(HOST, self._line(pool, **words), after_s)

    def _guest(
        self, pool: str, earliest_s: float, latest_s: float, not_by: str | None = None, **words: Any
    ) -> Line:
        speaker = self._chance.choice([name for name in _NAMES if name != not_by])
        if "winner" in words:
            words["winner"] = _first(words["winner"])
        return Line(speaker, self._line(pool, **words), self._chance.uniform(earliest_s, latest_s))

    def _line(self, pool: str, **words: Any) -> str:
        """One that was not used lately; of a pool that was used up, the one that was used longest ago."""
        fresh = [line for line in POOLS[pool] if line not in self._said]
        said = list(self._said)
        chosen = self._chance.choice(fresh) if fresh else min(POOLS[pool], key=said.index)
        if chosen in self._said:
            self._said.remove(chosen)
        self._said.append(chosen)
        return chosen.format(**words)


def _first(name: str) -> str:
    return name.split(maxsplit=1)[0] if name.strip() else name
