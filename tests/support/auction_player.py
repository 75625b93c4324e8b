"""Generated sequences of commands for one auction, called games. Each command, called a move, has an amount or a
moment at or next to one where the rules change their decision."""

import itertools
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from blytz.auction import rules
from blytz.auction.model import (
    REQUIREMENTS,
    Auction,
    Bid,
    BidKind,
    Outage,
    Party,
    PreBid,
    Receipt,
    Standing,
    Terms,
)
from blytz.auction.store import NO_STANDINGS
from tests.support.auctions import BIDDERS, CLEO, SAM, T0, bid, listing
from tests.support.store_pair import Pair

PEOPLE: Final = (*BIDDERS, SAM)
KINDS: Final[tuple[BidKind, ...]] = ("exact", "max", "buy_now")
AMOUNTS: Final = ("minimum", "price", "ceiling", "step above", "reserve", "buy now")
MOMENTS: Final = ("now", "start", "window", "end", "hard stop")
OFFSETS: Final = (-1, 0, 1)
CHANGES: Final = ("nothing", "amount", "kind")
SELLER_AND_HAMMER_VERBS: Final = ("open", "pause", "host away", "resume", "cancel", "close", "extend", "force")
MOVES: Final = ("bid", "snipe", "top", "again", "wait", "run", "seller", "outage", "breaks", "standing")
HOW_OFTEN: Final = (50, 14, 3, 8, 6, 6, 11, 4, 2, 2)
SOME_REQUIREMENTS: Final = ((), (), (), REQUIREMENTS, REQUIREMENTS[:1], REQUIREMENTS[1:])
STEPS: Final = (((0, 1),), ((0, 1), (10, 2), (20, 5)), ((0, 10),))

_ids = itertools.count(1)


def amount_at(auction: Auction, anchor: str, offset: int) -> int:
    terms = auction.listing.terms
    amounts = {
        "minimum": rules.minimum(auction),
        "price": auction.price,
        "ceiling": auction.ceiling,
        "step above": auction.ceiling + rules.increment(terms, auction.ceiling),
        "reserve": terms.reserve_price or terms.start_price,
        "buy now": terms.buy_now_price or 30,
    }
    return max(1, amounts[anchor] + offset)


def moment_at(auction: Auction, now: int, anchor: str, offset: int) -> int:
    terms, ends_at = auction.listing.terms, auction.ends_at or now
    moments = {
        "now": now,
        "start": auction.listing.starts_at or now,
        "window": ends_at - terms.extension_window_ms,
        "end": ends_at,
        "hard stop": auction.hard_stop_at or ends_at,
    }
    return moments[anchor] + offset


def some_terms(rng: random.Random) -> Terms:
    """Small numbers near each other, so that all rules interact."""
    return Terms(
        start_price=rng.choice((1, 5, 9, 10)),
        reserve_price=rng.choice((None, 5, 14, 21, 40)),
        buy_now_price=rng.choice((None, 11, 30)),
        increments=rng.choice(STEPS),
        ending=rng.choice(("extended", "extended", "sudden_death")),
        duration_ms=1_000,
        extension_window_ms=rng.choice((0, 300, 1_000)),
        extension_ms=rng.choice((0, 200, 400, 1_100)),
        max_total_ms=rng.choice((None, 1_000, 1_500)),
    )


def some_pre_bids(rng: random.Random) -> list[PreBid]:
    """None in every second game. Some come twice, some from the seller, some are too low."""
    count = rng.choice((0, 0, 0, 1, 2, 6))
    return [PreBid(rng.choice(PEOPLE), rng.randint(1, 45), f"p{rng.randint(1, 4)}") for _ in range(count)]


class Player:
    """Sends commands to both stores of a pair; recorded bids can be repeated."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.recorded: list[Bid] = []

    async def begin(
        self,
        terms: Terms,
        starts_in_ms: int | None,
        requirements: tuple[Standing, ...] = (),
        standings: Mapping[Standing, Collection[str]] = NO_STANDINGS,
        pre_bids: Sequence[PreBid] = (),
    ) -> None:
        """Creates it twice, as after a lost answer. One with a time to start has no pre-bids."""
        self.recorded = []
        self.pair.clock.set(T0)
        starts_at = None if starts_in_ms is None else T0 + starts_in_ms
        offered = replace(
            listing(f"auc_{next(_ids)}", starts_at=starts_at), terms=terms, requirements=requirements
        )
        opening = {} if starts_at else {"standings": standings, "pre_bids": pre_bids}
        for _ in range(2):
            await self.pair.create(offered, **opening)

    async def bid(self, bidder: Party, kind: BidKind, anchor: str, offset: int) -> None:
        await self._send(bid(bidder, amount_at(self.pair.auction, anchor, offset), kind))

    async def again(self, which: int, change: str) -> None:
        if not self.recorded:
            return
        old = self.recorded[which % len(self.recorded)]
        amount = old.amount + (change == "amount")
        kind = KINDS[KINDS.index(old.kind) - 1] if change == "kind" else old.kind
        await self._send(Bid(old.bidder, old.bid_id, amount, kind))

    async def _send(self, sent: Bid) -> None:
        result = await self.pair.bid(sent)
        if isinstance(result, Receipt) and not result.replayed:
            self.recorded.append(sent)

    def wait(self, anchor: str, offset: int) -> None:
        """Forward or back, because a clock may be set."""
        self.pair.clock.set(moment_at(self.pair.auction, self.pair.clock.now, anchor, offset))

    async def step_clock(self, by_ms: int) -> None:
        """Steps the clock, and corrects the auction as the hammer does."""
        self.pair.step_clock(by_ms)
        await self.pair.verb("close")

    async def outage(self, began_ms_ago: int, lasted_ms: int) -> None:
        began_at = self.pair.clock.now - began_ms_ago
        await self.pair.verb("close", outage=Outage(began_at, began_at + lasted_ms))

    async def breaks(self, count: int) -> None:
        """Several pauses, then an outage that covers them."""
        for _ in range(count):
            await self.pair.verb("pause")
            self.pair.clock.advance(100)
            await self.pair.verb("resume")
            self.pair.clock.advance(10)
        await self.outage(450, 440)

    async def step(self, rng: random.Random) -> None:
        """One random command; most are bids."""
        match rng.choices(MOVES, HOW_OFTEN)[0]:
            case "bid":
                bidder = rng.choices(PEOPLE, (8, 8, 8, 1))[0]
                kind = rng.choices(KINDS, (4, 4, 1))[0]
                anchor = "buy now" if kind == "buy_now" else rng.choice(AMOUNTS)
                await self.bid(bidder, kind, anchor, rng.choice(OFFSETS))
            case "snipe":
                self.wait(rng.choice(("window", "window", "end")), rng.choice((*OFFSETS, 50)))
                bidder = rng.choice((self.pair.auction.leader or CLEO, *BIDDERS))
                await self.bid(bidder, "max", rng.choice(("minimum", "ceiling", "step above")), rng.choice((1, 5)))
            case "top":
                rival, buyer = rng.sample(BIDDERS, 2)
                await self.bid(rival, "exact", "buy now", rng.choice((0, 0, -1)))
                await self.bid(buyer, "buy_now", "buy now", 0)
            case "again":
                await self.again(rng.randrange(100), rng.choice(CHANGES))
            case "wait":
                self.wait(rng.choice(MOMENTS), rng.choice(OFFSETS))
            case "run":
                self.pair.clock.advance(rng.choice((-500, 1, 50, 250, 1_000)))
            case "seller":
                await self.sell(rng.choices(SELLER_AND_HAMMER_VERBS, (4, 6, 2, 8, 1, 16, 6, 1))[0])
            case "outage":
                await self.outage(rng.choice((0, 100, 2_000)), rng.choice((0, 100, 700, 3_000)))
            case "breaks":
                await self.breaks(rng.choice((1, 2, 4, 5, 6)))
            case "standing":
                standing = rng.choice(tuple(Standing))
                # Mostly so that the bidder may bid.
                held = rng.random() < (0.3 if standing is Standing.BLOCKED else 0.8)
                await self.set_standing(rng.choice(BIDDERS), standing, held)

    async def set_standing(self, bidder: Party, standing: Standing, held: bool) -> None:
        await self.pair.set_standing(bidder.id, standing, held)

    async def extend(self, by_ms: int) -> None:
        """Twice: the second time the hard stop may have been reached."""
        await self.pair.verb("extend", by_ms)
        await self.pair.verb("extend", by_ms)

    async def sell(self, verb: str) -> None:
        if verb == "extend":
            await self.pair.verb("extend", 250)
        elif verb == "force":
            await self.pair.verb("close", force=True)
        elif verb == "host away":
            await self.pair.verb("pause", reason="host_away")
        else:
            await self.pair.verb(verb)
            # Repeated, as by a client that lost the answer.
            await self.pair.verb(verb)


GAMES: Final = 250
STEPS_A_GAME: Final = 40


async def play(pair: Pair, seed: int) -> None:
    """Sends one game to both stores; the same seed gives the same game."""
    rng, player = random.Random(seed), Player(pair)
    starts_in_ms, requirements = rng.choice((None, None, None, 100)), rng.choice(SOME_REQUIREMENTS)
    standings = {
        standing: [bidder.id for bidder in BIDDERS if rng.random() < often]
        for standing, often in ((Standing.BLOCKED, 0.05), (Standing.APPROVED, 0.8), (Standing.HAS_CARD, 0.8))
    }
    await player.begin(some_terms(rng), starts_in_ms, requirements, standings, some_pre_bids(rng))
    for _ in range(STEPS_A_GAME):
        await player.step(rng)
