"""Generated commands go to both stores of offers; after each, the answer, the state and all events must be equal,
and the log replays to that state. A mutant of the scripts, which breaks one promise, must be found by them."""

import random
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec
import pytest

from blytz.auction.model import REQUIREMENTS, PauseReason, Standing
from blytz.auction.replay import Entry
from blytz.kit.problems import Problem
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.offer.model import Code, Purchase, PurchaseReceipt, Refused, Sale, Verb
from blytz.offer.redis.keys import keys_of
from blytz.offer.redis.store import RedisOfferStore, load_scripts
from blytz.offer.replay import replay
from tests.support.auctions import BIDDERS, CAUSE, SAM, T0
from tests.support.clock import Clock, on_test_clock
from tests.support.memory_offers import MemoryOfferStore
from tests.support.mutants import Mutation
from tests.support.offers import offered
from tests.support.pipes import connected
from tests.support.redis import RedisServer

GAMES: Final = 120
STEPS: Final = 30
_json = msgspec.json.Encoder(order="sorted")

MUTANTS: Final[dict[str, tuple[str, str]]] = {
    "more is sold than there is": ("if quantity > o.left then", "if o.left == 0 then"),
    "the last unit cannot be bought": ("if quantity > o.left then", "if quantity >= o.left then"),
    "a buyer gets more than each may have": ("if o.per_buyer and", "if false and"),
    "only the last purchase of a buyer counts": ("text(bought + quantity)", "text(quantity)"),
    "no receipt is stored": ("redis.call('HSET', KEYS[4],", "local _ = ("),
    "a purchase_id can be reused for another quantity": ("if asked ~= ARGV[6] then", "if false then"),
    "the sale does not end": ("o.sale_ends_at ~= nil and now < o.sale_ends_at", "o.sale_ends_at ~= nil"),
    "the sale ends a millisecond late": ("now < o.sale_ends_at", "now <= o.sale_ends_at"),
    "a pause ends the sale": ("o.sale_remaining_ms and now + o.sale_remaining_ms", "o.sale_remaining_ms and now"),
    "a paused offer sells": ("if o.status ~= 'open' and o.status ~= 'sold_out' then", "if FINAL[o.status] then"),
    "an offer that is sold out stays open": ("o.status = 'sold_out'\n", ""),
    "the seller may buy": ("if BUYER_ID == o.seller_id then", "if false then"),
    "a blocked buyer may buy": ("if has('blocked') then", "if false then"),
    "an approval is not needed": ("o.requires.approved and", "false and"),
    "a card is not needed": ("o.requires.has_card and", "false and"),
    "an offer ends twice": ("if o.status == status then", "if false then"),
    "an operation is done again": ("if is_done(KEYS[4]) then", "if false then"),
    "an operation that was refused counts as done": (
        "if is_done(",
        "redis.call('SETNX', KEYS[4] or 'x', '')\nif is_done(",
    ),
    "event times go back": ("math.max(server_now(), o.clock)", "server_now()"),
}


class Difference(AssertionError):
    """The two stores do not agree."""


class Game:
    """One offer in memory and in Redis, on one clock."""

    def __init__(
        self, redis: RedisServer, pipe: RedisPipe, number: int, edit: Callable[[str], str] = lambda source: source
    ) -> None:
        """The same number gives the same game."""
        self.redis, self.rng, self.clock = redis, random.Random(number), Clock(pipe)
        self.offer_id = f"ofr_{number}"
        scripts = load_scripts(lambda source: edit(on_test_clock(source)))
        self.stores: tuple[Any, Any] = MemoryOfferStore(self.clock), RedisOfferStore(pipe, scripts)
        self.seen: set[str] = set()

    async def play(self) -> None:
        rng = self.rng
        self.clock.set(T0)
        listing = offered(
            self.offer_id,
            rng.choice(((), (), REQUIREMENTS)),
            quantity=rng.choice((1, 5, 12)),
            per_buyer=rng.choice((None, 1, 4)),
            sale=rng.choice((None, Sale(700, 1_000))),
        )
        standings = {standing: [bidder.id for bidder in BIDDERS[:2]] for standing in REQUIREMENTS}
        await self._both("create", listing, CAUSE, standings=standings)
        for _ in range(STEPS):
            await self.step()
        log = self.redis.ask("XRANGE", keys_of(self.offer_id).events, "-", "+")
        entries = [Entry(entry_id.decode(), fields[1], fields[3]) for entry_id, fields in log]
        _same("the replay", [replay(listing, entries), await self.stores[1].get(self.offer_id)])

    async def step(self) -> None:
        rng = self.rng
        match rng.choices(("buy", "wait", "seller", "standing"), (14, 4, 3, 1))[0]:
            case "buy":
                buyer, number = rng.choices((*BIDDERS, SAM), (6, 6, 3, 1))[0], rng.randint(1, 9)
                asked = Purchase(buyer, f"p{number}", rng.choice((1, 1, 2, 5)))
                await self._both("purchase", self.offer_id, asked, CAUSE)
            case "wait":
                self.clock.set(T0 + rng.choice((-1, 0, 500, 999, 1_000, 1_001, 2_000)))
            case "seller":
                verb = rng.choices(get_args(Verb), (6, 12, 1, 1))[0]
                operation = rng.choice(("", "", *(f"op{number}" for number in range(4))))
                for _ in range(rng.choice((1, 2))):
                    reason = rng.choice(get_args(PauseReason))
                    await self._both("change", self.offer_id, verb, CAUSE, reason, operation)
            case "standing":
                bidder, standing = rng.choice(BIDDERS), rng.choice(tuple(Standing))
                held = rng.random() < (0.3 if standing is Standing.BLOCKED else 0.8)
                for store in self.stores:
                    await store.set_standing(self.offer_id, [bidder.id], standing, held=held)

    async def _both(self, verb: str, *args: Any, **options: Any) -> None:
        what = f"{verb}{args} at {self.clock.now}"
        answers = [await getattr(store, verb)(*args, **options) for store in self.stores]
        _same(what, answers)
        _same(f"the state after {what}", [await store.get(self.offer_id) for store in self.stores])
        logs = [await store.events(self.offer_id, 0, 1_000) for store in self.stores]
        _same(f"the events after {what}", logs)
        self.seen.update(event.kind for event in logs[0])
        match answers[0]:
            case PurchaseReceipt(replayed=True):
                self.seen.add("replayed")
            case Refused(code=refused):
                self.seen.add(refused.value)


def _same(what: str, sides: list[Any]) -> None:
    # As text, because 1 and true are equal in Python but not in JSON.
    expected, actual = (f"{type(side).__name__} {_json.encode(side).decode()}" for side in sides)
    if expected != actual:
        raise Difference(f"{what}:\n  rules say {expected}\n  Redis says {actual}")


@pytest.mark.parametrize("promise", MUTANTS)
async def test_the_tests_find_each_mutant(redis: RedisServer, promise: str) -> None:
    mutation, found = Mutation(*MUTANTS[promise]), False
    async with connected(redis.url, no_timeout=True) as pipe:
        for number in range(GAMES):
            try:
                await Game(redis, pipe, number, mutation).play()
            except (Difference, Problem, RedisError):
                found = True
                break
    assert mutation.applied, "the text that the mutant replaces is no longer in the scripts"
    assert found, "no game found the mutant"


async def test_the_unchanged_scripts_differ_in_no_game_and_every_answer_occurs(redis: RedisServer) -> None:
    seen: set[str] = set()
    async with connected(redis.url, no_timeout=True) as pipe:
        for number in range(GAMES):
            game = Game(redis, pipe, number)
            await game.play()
            seen |= game.seen
    kinds = {"opened", "purchase", "sold_out", "paused", "resumed", "closed", "cancelled", "replayed"}
    assert seen == kinds | {code.value for code in Code} - {Code.OFFER_NOT_FOUND.value}
