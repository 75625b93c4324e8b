"""Hypothesis sends the same commands to both stores; after each, the answer, the whole state and all events must
be equal. The commands are the same in each run; `HYPOTHESIS_PROFILE=soak` tries new ones."""

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import event, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from blytz.auction.model import BidKind, Code, Party, PreBid, Standing, Terms
from tests.support.auction_player import (
    AMOUNTS,
    CHANGES,
    KINDS,
    MOMENTS,
    PEOPLE,
    SELLER_AND_HAMMER_VERBS,
    SOME_REQUIREMENTS,
    Player,
)
from tests.support.auctions import BIDDERS
from tests.support.pipes import CONNECTED_WITHIN_S, NoTimeoutPipe
from tests.support.redis import RedisServer
from tests.support.replay import states_of
from tests.support.store_pair import Pair

EXAMPLES = 60
MAX_ROUNDS = 6
STEPS = 40
SOAKING = settings.get_current_profile_name() == "soak"
SOAK_FOR_S = 3_600

maybe_price = st.none() | st.integers(1, 40)
terms = st.builds(
    Terms,
    start_price=st.integers(1, 12),
    reserve_price=maybe_price,
    buy_now_price=st.none() | st.integers(13, 40),
    increments=st.sampled_from((((0, 1),), ((0, 1), (10, 2), (20, 5)), ((0, 10),), ((0, 3), (7, 3), (8, 4)))),
    ending=st.sampled_from(("extended", "sudden_death")),
    duration_ms=st.sampled_from((1_000, 1_500)),
    extension_window_ms=st.sampled_from((0, 300, 1_000, 2_000)),
    extension_ms=st.sampled_from((0, 1, 300, 1_100)),
    max_total_ms=st.none() | st.sampled_from((1_500, 1_800, 4_000)),
)
offsets = st.integers(-2, 2)
bidders = st.sampled_from(BIDDERS)
people = st.sampled_from(PEOPLE)
pre_bids = st.builds(PreBid, people, st.integers(1, 45), st.sampled_from(("p1", "p2")))


class ExampleRunner:
    """What all examples share: a connection and its event loop."""

    def __init__(self, redis: RedisServer) -> None:
        self.runner = asyncio.Runner()
        self.pipe = NoTimeoutPipe(redis.url, "runner")
        self.runner.run(self._start())
        self.seen: set[str] = set()

    async def _start(self) -> None:
        await self.pipe.start(timeout_s=CONNECTED_WITHIN_S)

    def close(self) -> None:
        self.runner.run(self.pipe.close())
        self.runner.close()


class TwoStores(RuleBasedStateMachine):
    runner: ClassVar[ExampleRunner]

    def __init__(self) -> None:
        super().__init__()
        # Inside the loop, because the clock sends its first time over the pipe.
        self.player: Player = self.runner.runner.run(self._player())

    async def _player(self) -> Player:
        return Player(Pair(self.runner.pipe))

    def play(self, move: Any) -> None:
        self.runner.runner.run(move)

    @initialize(
        terms=terms,
        starts_in_ms=st.sampled_from((None, None, None, -1, 0, 100)),
        requirements=st.sampled_from(SOME_REQUIREMENTS),
        approved=st.lists(bidders.map(lambda bidder: bidder.id)),
        pre_bids=st.lists(pre_bids, max_size=8),
    )
    def begin(
        self,
        terms: Terms,
        starts_in_ms: int | None,
        requirements: tuple[Standing, ...],
        approved: list[str],
        pre_bids: list[PreBid],
    ) -> None:
        standings = {Standing.APPROVED: approved, Standing.HAS_CARD: [bidder.id for bidder in BIDDERS]}
        self.play(self.player.begin(terms, starts_in_ms, requirements, standings, pre_bids))

    @rule(bidder=bidders, standing=st.sampled_from(Standing), held=st.booleans())
    def set_standing(self, bidder: Party, standing: Standing, held: bool) -> None:
        self.play(self.player.set_standing(bidder, standing, held))

    @rule(
        bidder=st.sampled_from(PEOPLE),
        kind=st.sampled_from(KINDS),
        anchor=st.sampled_from(AMOUNTS),
        offset=offsets,
    )
    def bid(self, bidder: Party, kind: BidKind, anchor: str, offset: int) -> None:
        self.play(self.player.bid(bidder, kind, anchor, offset))

    @rule(bidder=bidders, kind=st.sampled_from(("exact", "max")), above=st.integers(0, 12))
    def outbid(self, bidder: Party, kind: BidKind, above: int) -> None:
        self.play(self.player.bid(bidder, kind, "minimum", above))

    @rule(bidder=bidders, above=st.integers(1, 20))
    def outbid_the_ceiling(self, bidder: Party, above: int) -> None:
        self.play(self.player.bid(bidder, "max", "ceiling", above))

    @rule(which=st.integers(0, 20), change=st.sampled_from(CHANGES))
    def again(self, which: int, change: str) -> None:
        self.play(self.player.again(which, change))

    @rule(anchor=st.sampled_from(MOMENTS), offset=offsets)
    def wait(self, anchor: str, offset: int) -> None:
        self.play(self._wait(anchor, offset))

    async def _wait(self, anchor: str, offset: int) -> None:
        self.player.wait(anchor, offset)

    @rule(verb=st.sampled_from(SELLER_AND_HAMMER_VERBS))
    def sell(self, verb: str) -> None:
        self.play(self.player.sell(verb))

    @rule(by_ms=st.sampled_from((1, 250, 5_000)))
    def extend(self, by_ms: int) -> None:
        self.play(self.player.extend(by_ms))

    @rule(began_ms_ago=st.sampled_from((0, 1, 500, 3_000)), lasted_ms=st.sampled_from((0, 1, 500, 3_000)))
    def outage(self, began_ms_ago: int, lasted_ms: int) -> None:
        self.play(self.player.outage(began_ms_ago, lasted_ms))

    @rule(by_ms=st.sampled_from((-3_600_000, -1_500, 1_500, 3_600_000)))
    def step_clock(self, by_ms: int) -> None:
        self.play(self.player.step_clock(by_ms))

    def teardown(self) -> None:
        pair = self.player.pair
        if not pair.auction_id:
            return
        self.play(self._replay())
        for what in pair.seen:
            event(what)
        self.runner.seen |= pair.seen

    async def _replay(self) -> None:
        """Checks that the terms and the events alone give the same state."""
        pair = self.player.pair
        events = await pair.redis.events(pair.auction_id, 0, 1_000)
        assert states_of(pair.auction.listing, events)[-1] == pair.auction


@pytest.fixture
def runner(redis: RedisServer) -> Iterator[ExampleRunner]:
    runner = ExampleRunner(redis)
    yield runner
    runner.close()


@pytest.mark.timeout(SOAK_FOR_S if SOAKING else 120)
def test_both_stores_give_the_same_answers_to_the_same_commands(runner: ExampleRunner) -> None:
    # A subclass, because Hypothesis creates the instances: only a class attribute can pass the runner.
    machine = type("TwoStoresWithRunner", (TwoStores,), {"runner": runner})
    everything = {code.value for code in Code} - {"auction_not_found"}
    everything |= {"accepted", "outbid", "replayed", "sold", "unsold", "cancelled"}
    examples = settings().max_examples if SOAKING else EXAMPLES
    # Which answers occur changes with the code, because Hypothesis draws constants from it. So rounds run until
    # every answer occurred.
    for number in range(MAX_ROUNDS):
        if not SOAKING:
            machine = seed(number)(machine)
        run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=STEPS))
        if everything <= runner.seen:
            break
    assert everything <= runner.seen
