"""The hub with a log and a feed that fail in every way a real one may: each reader's history has no gap."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from blytz.kit.clock import ClockReading, ServerClock
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.topics.hub import IDLE_FOR_S, MAX_IDLE_TOPICS, Hub
from blytz.live.topics.watch_request import WatchRequest
from tests.support.hub_readers import CheckedReader, MemorySource
from tests.support.virtual_loop import VirtualLoop

READERS, MANY_READERS = 4, 280
COUNTS = (1, 1, 1, 1, 2, 2, 3, 3, 5, 498, 501, 1_200)
RECOVERED_WITHIN_S = 30


class HubWithReaders:
    """A hub with one topic, its readers, and the messages in flight to it."""

    def __init__(self, kind: str = "auction") -> None:
        async def no_time() -> ClockReading:
            return ClockReading(0, 0, is_current=True)

        self.loop = VirtualLoop()
        self.source = MemorySource(kind)
        self.hub = Hub(self.source, ServerClock(no_time), Metrics())
        self.faults: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.faults.append(str(context)))
        self.readers = [
            CheckedReader(number, self.hub, self.faults, self.source.topic)
            for number in range(READERS + MANY_READERS)
        ]
        self.in_flight: list[bytes] = []
        self.feed_is_up = True

    def publish(self, count: int) -> None:
        new = self.source.grow(count)
        if self.feed_is_up and self.source.subscribed:
            self.in_flight += new

    def deliver(self) -> None:
        arrived, self.in_flight = self.in_flight, []
        for public in arrived:
            self._receive(public)

    def _receive(self, public: bytes) -> None:
        if self.source.subscribed:
            self.hub.on_event(self.source.topic, public)

    def subscribe_again(self) -> None:
        self.feed_is_up = True
        if self.source.subscribed:
            self.hub.on_subscribed(self.source.topic)

    def recover_and_check(self) -> None:
        """Ends all failures, waits, and checks that each reader has the last event."""
        self.source.at_once = True
        self.source.answer()
        self.loop.act(self.deliver)
        self.loop.act(self.subscribe_again)
        self.loop.pass_time(RECOVERED_WITHIN_S)
        assert not self.faults, self.faults[:3]
        for reader in self.readers:
            if reader.watching:
                assert not reader.is_waiting, f"{reader.name} was never answered"
                assert reader.view is not None
                epoch, seq, price = reader.view
                assert (epoch.split("-")[0], seq) == (self.source.epoch, self.source.seq), (
                    f"{reader.name} is behind: {reader.view}"
                )
                assert price in (None, self.source.prices[-1])

    def close(self) -> None:
        for reader in self.readers:
            self.loop.act(reader.unwatch)
        self.loop.pass_time(IDLE_FOR_S)
        self.loop.close()


class History(RuleBasedStateMachine):
    """Events arrive late, twice, out of order or not at all; readers subscribe, leave and resume at any time."""

    kind = "auction"

    def __init__(self) -> None:
        super().__init__()
        self.hub_test = HubWithReaders(self.kind)

    def teardown(self) -> None:
        try:
            self.hub_test.recover_and_check()
        finally:
            self.hub_test.close()

    @initialize(crowd=st.booleans(), seq=st.sampled_from([0, 1, 2, 700]))
    def readers_watch(self, crowd: bool, seq: int) -> None:
        self.hub_test.source.grow(seq)
        # Readers are written to in the order in which they subscribed.
        there = self.hub_test.readers[READERS:] if crowd else []
        for reader in [*there, *self.hub_test.readers[:READERS]]:
            self.hub_test.loop.act(reader.watch)
        self.hub_test.loop.act(self.hub_test.subscribe_again)
        self.hub_test.loop.pass_time(1)

    @rule(count=st.sampled_from(COUNTS), turns=st.sampled_from([0, 0, 1, 1, 2]))
    def bids_come_in(self, count: int, turns: int) -> None:
        self.hub_test.publish(count)
        if turns:
            self.hub_test.loop.act(self.hub_test.deliver)
            self.hub_test.loop.turn(turns)

    @rule(number=st.integers(0, READERS - 1))
    def a_reader_resumes_between_two_frames(self, number: int) -> None:
        self.hub_test.publish(1)
        self.hub_test.loop.act(self.hub_test.deliver)
        self.hub_test.loop.turn(1)
        self.hub_test.loop.act(self.hub_test.readers[number].resume)

    @rule(what=st.sampled_from(["lost", "twice", "overtakes", "all arrive"]), where=st.integers(0, 3))
    def messages_in_flight_change(self, what: str, where: int) -> None:
        messages = self.hub_test.in_flight
        if what == "all arrive":
            self.hub_test.loop.act(self.hub_test.deliver)
        elif what == "lost":
            del messages[where : where + 1]
        elif what == "twice":
            messages += messages[where : where + 1]
        else:
            messages[:] = messages[where:] + messages[:where]

    @rule(back=st.booleans())
    def the_feed_is_lost(self, back: bool) -> None:
        self.hub_test.feed_is_up = False
        self.hub_test.in_flight.clear()
        if back:
            self.hub_test.loop.act(self.hub_test.subscribe_again)

    @rule(how=st.sampled_from(["at once", "slowly", "now", "now", "with a failure"]))
    def the_log_answers(self, how: str) -> None:
        source = self.hub_test.source
        source.at_once = how == "at once"
        if how != "slowly":
            self.hub_test.loop.act(source.answer, how == "with a failure")
            self.hub_test.loop.turn(2)

    @rule(number=st.integers(0, READERS - 1), how=st.sampled_from(["watches", "resumes", "resumes", "leaves"]))
    def a_reader_comes_or_goes(self, number: int, how: str) -> None:
        reader = self.hub_test.readers[number]
        acts = {"watches": reader.watch, "resumes": reader.resume, "leaves": reader.unwatch}
        self.hub_test.loop.act(acts[how])

    @rule(number=st.integers(0, READERS - 1), behind=st.sampled_from([-1, 0, 1, 2, 3, 499, 500, 501]))
    def a_reader_watches_from_a_position(self, number: int, behind: int) -> None:
        source = self.hub_test.source
        self.hub_test.loop.act(self.hub_test.readers[number].watch, source.seq - behind, source.epoch_of_topic)

    @rule(number=st.integers(0, READERS - 1))
    def a_reader_is_disconnected_by_its_next_frame(self, number: int) -> None:
        self.hub_test.readers[number].leaves_at_next_frame = True

    @rule(comes=st.booleans())
    def a_crowd_comes_or_goes(self, comes: bool) -> None:
        """More readers than are written to in one turn of the loop."""
        for reader in self.hub_test.readers[READERS:]:
            self.hub_test.loop.act(reader.resume if comes else reader.unwatch)

    @rule(times=st.sampled_from([1, 1, 1, 2]))
    def the_loop_runs(self, times: int) -> None:
        self.hub_test.loop.turn(times)

    @rule(count=st.integers(0, 4))
    def time_passes_and_viewers_are_counted(self, count: int) -> None:
        self.hub_test.loop.pass_time(0.06)
        self.hub_test.loop.act(self.hub_test.hub.on_viewers, self.hub_test.source.topic, count)

    @rule(first=st.sampled_from([0, 0, -1, -2, -3]), count=st.sampled_from([1, 2, 9_999]))
    def the_log_loses_entries(self, first: int, count: int) -> None:
        log = self.hub_test.source.log
        first = max(0, len(log) + first) if first else 0
        del log[first : first + count]

    @rule(seq=st.sampled_from([0, 1, 3, 600]))
    def the_auction_gets_another_epoch(self, seq: int) -> None:
        """As after the data of Redis is replaced, which also loses the messages in flight."""
        source = self.hub_test.source
        self.hub_test.feed_is_up = False
        self.hub_test.in_flight.clear()
        source.lose(source.seq)
        source.epoch = f"e{int(source.epoch[1:]) + 1}"
        source.grow(seq)
        self.hub_test.loop.act(self.hub_test.subscribe_again)

    @rule(lost=st.sampled_from([0, 1, 2, 3, 600]), grown=st.sampled_from([0, 1, 2, 3, 600]))
    def the_last_events_are_lost_and_others_recorded(self, lost: int, grown: int) -> None:
        """As after the promotion of a replica that had not received them."""
        self.hub_test.feed_is_up = False
        self.hub_test.in_flight.clear()
        self.hub_test.source.lose(lost)
        self.hub_test.source.grow(grown)
        self.hub_test.loop.act(self.hub_test.subscribe_again)

    @rule(number=st.integers(0, READERS - 1), size=st.sampled_from([0, 1_000, 10**9]))
    def a_reader_has_a_short_queue(self, number: int, size: int) -> None:
        self.hub_test.readers[number].queue_holds = size

    @rule()
    def everything_recovers(self) -> None:
        self.hub_test.recover_and_check()

    @invariant()
    def no_reader_reported_a_fault(self) -> None:
        assert not self.hub_test.faults, self.hub_test.faults[:3]

    @precondition(lambda self: not any(reader.watching for reader in self.hub_test.readers))
    @invariant()
    def an_unwatched_topic_is_only_kept_for_a_while(self) -> None:
        assert list(self.hub_test.hub.readers()) == []
        assert self.hub_test.source.subscribed == bool(self.hub_test.hub._idle)


class HistoryOfShow(History):
    """Its state follows from all its events, that of an auction from the last one alone."""

    kind = "show"


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=120, stateful_step_count=40)
TestHistoryOfShow = HistoryOfShow.TestCase
TestHistoryOfShow.settings = settings(max_examples=60, stateful_step_count=40)


def test_a_recovering_reader_waits_for_the_next_flush_and_gets_no_gap_and_no_repeat() -> None:
    """The reader has seen more at another gateway than was sent here; the others get no frame because of it."""
    hub_test = HubWithReaders()
    others, late = hub_test.readers[READERS:], hub_test.readers[0]
    for reader in others:
        hub_test.loop.act(reader.watch)
    hub_test.loop.act(hub_test.subscribe_again)
    hub_test.loop.pass_time(1)

    def frames() -> int:
        return sum(reader.frames for reader in others)

    before = frames()
    hub_test.publish(1)
    hub_test.loop.act(hub_test.deliver)
    for _ in range(3):
        hub_test.loop.act(late.watch, hub_test.source.seq, hub_test.source.epoch_of_topic)
    assert frames() == before
    assert late.is_waiting
    hub_test.recover_and_check()
    assert frames() == before + len(others)
    assert late.view is not None
    assert late.view[1] == 1
    hub_test.close()


def test_readers_who_come_and_go_do_not_read_the_log_again() -> None:
    """The reading goes on when its only reader leaves, and what was read is kept for a few seconds."""
    hub_test = HubWithReaders()
    hub_test.source.grow(700)
    reader = hub_test.readers[0]
    hub_test.loop.act(reader.watch)
    hub_test.loop.act(hub_test.subscribe_again)
    hub_test.loop.act(reader.unwatch)
    hub_test.loop.pass_time(0.1)
    before = hub_test.source.reads
    for _ in range(50):
        hub_test.loop.act(reader.watch)
        hub_test.loop.pass_time(0.02)
        hub_test.loop.act(reader.unwatch)
        hub_test.loop.pass_time(0.02)
    assert (hub_test.source.reads, list(hub_test.hub.readers())) == (before, [])

    hub_test.publish(1)
    hub_test.loop.act(hub_test.deliver)
    hub_test.loop.act(reader.watch)
    hub_test.recover_and_check()
    hub_test.loop.act(reader.unwatch)
    hub_test.loop.pass_time(IDLE_FOR_S + 1)
    assert not hub_test.source.subscribed
    hub_test.close()


def test_only_so_many_topics_are_kept_without_a_reader() -> None:
    hub_test = HubWithReaders()
    reader = hub_test.readers[0]
    for number in range(MAX_IDLE_TOPICS + 10):
        hub_test.loop.act(hub_test.hub.watch, f"auction:auc_{number}", WatchRequest(reader))
        hub_test.loop.act(hub_test.hub.unwatch, f"auction:auc_{number}", reader)
    hub_test.loop.pass_time(1)
    assert len(hub_test.hub._topics) == MAX_IDLE_TOPICS
    hub_test.close()
