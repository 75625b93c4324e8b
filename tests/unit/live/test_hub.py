"""The hub against a log and a feed that do everything a real one might: each reader's history stays whole."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from blytz.kit.clock import ClockReading, ServerClock
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.topics.hub import Hub
from tests.support.hub_readers import AUCTION, CheckedReader, MemorySource
from tests.support.virtual_loop import VirtualLoop

READERS, CROWD = 4, 280
COUNTS = (1, 1, 1, 1, 2, 2, 3, 3, 5, 498, 501, 1_200)
SETTLED_WITHIN_S = 30


class Room:
    """A hub with one auction, its readers, and messages on their way to it."""

    def __init__(self) -> None:
        async def no_time() -> ClockReading:
            return ClockReading(0, 0, is_current=True)

        self.loop = VirtualLoop()
        self.source = MemorySource()
        self.hub = Hub(self.source, ServerClock(no_time), Metrics())
        self.faults: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.faults.append(str(context)))
        self.readers = [CheckedReader(number, self.hub, self.faults) for number in range(READERS + CROWD)]
        self.under_way: list[bytes] = []
        self.feed_is_up = True

    def publish(self, count: int) -> None:
        new = self.source.grow(count)
        if self.feed_is_up and self.source.subscribed:
            self.under_way += new

    def deliver(self) -> None:
        arrived, self.under_way = self.under_way, []
        for public in arrived:
            self._hear(public)

    def _hear(self, public: bytes) -> None:
        if self.source.subscribed:
            self.hub.on_event(AUCTION, public)

    def subscribe_again(self) -> None:
        self.feed_is_up = True
        if self.source.subscribed:
            self.hub.on_subscribed(AUCTION)

    def settle(self) -> None:
        """Everything works again; let it all come to rest."""
        self.source.at_once = True
        self.source.answer()
        self.loop.act(self.deliver)
        self.loop.act(self.subscribe_again)
        self.loop.pass_time(SETTLED_WITHIN_S)
        assert not self.faults, self.faults[:3]
        for reader in self.readers:
            if reader.watching:
                assert not reader.waits, f"{reader.name} was never answered"
                assert reader.view is not None
                epoch, seq, price = reader.view
                assert (epoch.split("-")[0], seq) == (self.source.epoch, self.source.seq), (
                    f"{reader.name} is behind: {reader.view}"
                )
                assert price in (None, self.source.prices[-1])

    def close(self) -> None:
        for reader in self.readers:
            reader.unwatch()
        self.loop.turn(3)
        self.loop.close()


class History(RuleBasedStateMachine):
    """Events arrive late, twice, in another order or not at all; readers come, go and come back at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room()

    def teardown(self) -> None:
        try:
            self.room.settle()
        finally:
            self.room.close()

    @initialize(crowd=st.booleans(), seq=st.sampled_from([0, 1, 2, 700]))
    def some_are_there(self, crowd: bool, seq: int) -> None:
        self.room.source.grow(seq)
        # Those who come last are written to last.
        there = self.room.readers[READERS:] if crowd else []
        for reader in [*there, *self.room.readers[:READERS]]:
            self.room.loop.act(reader.watch)
        self.room.loop.act(self.room.subscribe_again)
        self.room.loop.pass_time(1)

    @rule(count=st.sampled_from(COUNTS), turns=st.sampled_from([0, 0, 1, 1, 2]))
    def bids_come_in(self, count: int, turns: int) -> None:
        self.room.publish(count)
        if turns:
            self.room.loop.act(self.room.deliver)
            self.room.loop.turn(turns)

    @rule(number=st.integers(0, READERS - 1))
    def a_reader_changes_its_mind_in_the_middle(self, number: int) -> None:
        self.room.publish(1)
        self.room.loop.act(self.room.deliver)
        self.room.loop.turn(1)
        self.room.loop.act(self.room.readers[number].resume)

    @rule(what=st.sampled_from(["lost", "twice", "overtakes", "all arrive"]), where=st.integers(0, 3))
    def messages_are_under_way(self, what: str, where: int) -> None:
        messages = self.room.under_way
        if what == "all arrive":
            self.room.loop.act(self.room.deliver)
        elif what == "lost":
            del messages[where : where + 1]
        elif what == "twice":
            messages += messages[where : where + 1]
        else:
            messages[:] = messages[where:] + messages[:where]

    @rule(back=st.booleans())
    def the_feed_is_lost(self, back: bool) -> None:
        self.room.feed_is_up = False
        self.room.under_way.clear()
        if back:
            self.room.loop.act(self.room.subscribe_again)

    @rule(how=st.sampled_from(["at once", "slowly", "now", "now", "with a failure"]))
    def the_log_answers(self, how: str) -> None:
        source = self.room.source
        source.at_once = how == "at once"
        if how != "slowly":
            self.room.loop.act(source.answer, how == "with a failure")
            self.room.loop.turn(2)

    @rule(number=st.integers(0, READERS - 1), how=st.sampled_from(["watches", "resumes", "resumes", "leaves"]))
    def a_reader_comes_or_goes(self, number: int, how: str) -> None:
        reader = self.room.readers[number]
        acts = {"watches": reader.watch, "resumes": reader.resume, "leaves": reader.unwatch}
        self.room.loop.act(acts[how])

    @rule(number=st.integers(0, READERS - 1), behind=st.sampled_from([-1, 0, 1, 2, 3, 499, 500, 501]))
    def a_reader_asks_from_somewhere(self, number: int, behind: int) -> None:
        source = self.room.source
        self.room.loop.act(self.room.readers[number].watch, source.seq - behind, source.epoch_of_topic)

    @rule(number=st.integers(0, READERS - 1))
    def a_reader_is_sent_away_by_its_next_frame(self, number: int) -> None:
        self.room.readers[number].leaves_at_next_frame = True

    @rule(comes=st.booleans())
    def a_crowd_comes_or_goes(self, comes: bool) -> None:
        """So many that they are not written to in one turn of the loop."""
        for reader in self.room.readers[READERS:]:
            self.room.loop.act(reader.resume if comes else reader.unwatch)

    @rule(times=st.sampled_from([1, 1, 1, 2]))
    def the_loop_turns(self, times: int) -> None:
        self.room.loop.turn(times)

    @rule(count=st.integers(0, 4))
    def time_passes_and_viewers_are_counted(self, count: int) -> None:
        self.room.loop.pass_time(0.06)
        self.room.loop.act(self.room.hub.on_viewers, AUCTION, count)

    @rule(first=st.sampled_from([0, 0, -1, -2, -3]), count=st.sampled_from([1, 2, 9_999]))
    def the_log_is_cut(self, first: int, count: int) -> None:
        log = self.room.source.log
        first = max(0, len(log) + first) if first else 0
        del log[first : first + count]

    @rule(seq=st.sampled_from([0, 1, 3, 600]))
    def the_auction_has_another_history(self, seq: int) -> None:
        """As after Redis was filled anew: with it every message under way is gone."""
        source = self.room.source
        self.room.feed_is_up = False
        self.room.under_way.clear()
        source.lose(source.seq)
        source.epoch = f"e{int(source.epoch[1:]) + 1}"
        source.grow(seq)
        self.room.loop.act(self.room.subscribe_again)

    @rule(lost=st.sampled_from([0, 1, 2, 3, 600]), grown=st.sampled_from([0, 1, 2, 3, 600]))
    def the_last_events_are_lost_and_others_recorded(self, lost: int, grown: int) -> None:
        """As after a replica was promoted that had not received them."""
        self.room.feed_is_up = False
        self.room.under_way.clear()
        self.room.source.lose(lost)
        self.room.source.grow(grown)
        self.room.loop.act(self.room.subscribe_again)

    @rule(number=st.integers(0, READERS - 1), size=st.sampled_from([0, 1_000, 10**9]))
    def a_reader_has_a_short_queue(self, number: int, size: int) -> None:
        self.room.readers[number].queue_holds = size

    @rule()
    def all_comes_to_rest(self) -> None:
        self.room.settle()

    @invariant()
    def nobody_was_told_what_does_not_follow(self) -> None:
        assert not self.room.faults, self.room.faults[:3]

    @precondition(lambda self: not any(reader.watching for reader in self.room.readers))
    @invariant()
    def what_nobody_watches_is_not_followed(self) -> None:
        assert list(self.room.hub.readers()) == []
        assert not self.room.source.subscribed


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=120, stateful_step_count=40)


def test_a_recovering_reader_waits_for_the_next_flush_and_gets_no_gap_and_no_repeat() -> None:
    """It has seen more at another gateway than was sent to anybody here; the others get no frame for it."""
    room = Room()
    others, late = room.readers[READERS:], room.readers[0]
    for reader in others:
        room.loop.act(reader.watch)
    room.loop.act(room.subscribe_again)
    room.loop.pass_time(1)

    def frames() -> int:
        return sum(reader.frames for reader in others)

    before = frames()
    room.publish(1)
    room.loop.act(room.deliver)
    for _ in range(3):
        room.loop.act(late.watch, room.source.seq, room.source.epoch_of_topic)
    assert frames() == before
    assert late.waits
    room.settle()
    assert frames() == before + len(others)
    assert late.view is not None
    assert late.view[1] == 1
    room.close()
