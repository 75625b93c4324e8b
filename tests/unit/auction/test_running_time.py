"""An auction runs for as long as its terms say, whatever pauses and outages it meets.

The expected time is counted by a stopwatch that runs while the auction is open and Redis is up. It uses neither
the rules nor the scripts, so a mistake that these share is found here.
"""

from hypothesis import given
from hypothesis import strategies as st

from blytz.auction import rules, rules_of_time
from blytz.auction.model import MAX_PAUSES, Auction, Outage, Verb
from tests.support.auctions import CAUSE, T0, listing

DURATION_MS = 10_000_000
EXTENSION_MS = 500
HISTORIES = st.lists(
    st.tuples(st.sampled_from(("wait", "pause", "resume", "outage", "hammer")), st.integers(1, 5_000)), max_size=40
)


class Stopwatch:
    """An auction, the time, and how long it has run without the outages."""

    def __init__(self) -> None:
        terms = listing(duration_ms=DURATION_MS, extension_ms=EXTENSION_MS, ending="sudden_death")
        opened = rules_of_time.open_auction(rules.scheduled(terms), CAUSE, T0)
        assert isinstance(opened, rules.Change)
        self.auction, self.now, self.ran_ms, self.outages = opened.auction, T0, 0, 0
        self._outage: Outage | None = None
        self._pauses_since = 0

    @property
    def is_paused(self) -> bool:
        return self.auction.paused_at is not None

    def wait(self, ms: int) -> None:
        self.now += ms
        self.ran_ms += 0 if self.is_paused else ms

    def change(self, verb: Verb) -> None:
        if verb == "pause" and self._pauses_since == MAX_PAUSES:
            self.hammer()
        decided = rules_of_time.change(self.auction, verb, CAUSE, self.now)
        if isinstance(decided, rules.Change):
            self.auction = decided.auction
            self._pauses_since += verb == "pause"

    def outage(self, ms: int) -> None:
        self.hammer()
        self._outage, self._pauses_since = Outage(self.now, self.now + ms), 0
        self.outages += 1
        self.now += ms

    def hammer(self) -> None:
        """Compensates the outage, at once or later."""
        decided = rules_of_time.close(self.auction, CAUSE, self.now, outage=self._outage)
        self.auction = decided.auction if isinstance(decided, rules.Change) else self.auction
        self._outage = None


def remaining_ms(auction: Auction, now: int) -> int:
    return auction.remaining_ms if auction.ends_at is None else auction.ends_at - now  # type: ignore[return-value]


@given(HISTORIES)
def test_pauses_and_outages_take_no_time_from_an_auction(history: list[tuple[str, int]]) -> None:
    watch = Stopwatch()
    for action, ms in history:
        match action:
            case "wait":
                watch.wait(ms)
            case "outage":
                watch.outage(ms)
            case "hammer":
                watch.hammer()
            case "pause" | "resume":
                watch.change(action)
    watch.hammer()

    left_ms = remaining_ms(watch.auction, watch.now)
    assert left_ms >= DURATION_MS - watch.ran_ms
    assert left_ms <= DURATION_MS - watch.ran_ms + watch.outages * EXTENSION_MS
