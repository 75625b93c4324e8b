"""A bidder who follows a show through failures, and the history of each topic as it came."""

from dataclasses import dataclass, field
from typing import Any, Final

from blytz.client.live import LiveClient
from blytz.client.topic import Topic
from tests.support.steady_bidders import LiveChannel, Sent

WITHIN_S: Final = 30.0
"""Longer than a killed process is away."""


@dataclass
class History:
    """What came of one topic, from its first snapshot on."""

    epochs: list[str] = field(default_factory=list)
    """That of each snapshot."""
    first: int = 0
    """The `seq` of the first snapshot, which stands for all events up to there."""
    seq: int = 0
    events: dict[int, str] = field(default_factory=dict)
    """The kind of each event by its `seq`."""
    skipped: set[int] = field(default_factory=set)
    """Events that a later snapshot stood for."""
    faults: list[str] = field(default_factory=list)

    def take(self, message: dict[str, Any]) -> None:
        """A `snapshot` or an `event`."""
        seq = message["seq"]
        if message["type"] == "event":
            if seq != self.seq + 1:
                self.faults.append(f"event {seq} after {self.seq}")
            self.events[seq] = message["kind"]
        elif not self.epochs:
            self.first = seq
        else:
            if seq < self.seq:
                self.faults.append(f"a snapshot of {seq} after {self.seq}")
            self.skipped.update(range(self.seq + 1, seq + 1))
        self.seq = seq
        if message["type"] == "snapshot":
            self.epochs.append(message["epoch"])


class ShowViewer:
    def __init__(self, live_url: str, token: str, user_id: str, show_id: str) -> None:
        self.client = LiveClient(live_url, token, on_message=self._take)
        self.user_id = user_id
        self.show_id = show_id
        self.histories: dict[str, History] = {}
        self.bids: list[Sent] = []
        self.said: list[str] = []
        """The ids of the messages whose answer was that they are said."""
        self.not_said: list[str | None] = []
        """The codes of the others."""
        self.errors: list[dict[str, Any]] = []
        self._topics: dict[int, Topic] = {}

    @property
    def show(self) -> Topic:
        return self.client.topics[f"show:{self.show_id}"]

    @property
    def history(self) -> History:
        """Of the show."""
        return self.histories[f"show:{self.show_id}"]

    @property
    def gaps(self) -> int:
        """How often an event was missing, in any topic, until it was asked for."""
        return sum(topic.gaps for topic in self._topics.values())

    def open_auction(self) -> Topic | None:
        return next(
            (
                topic
                for topic in self.client.topics.values()
                if topic.kind == "auction" and topic.state and not topic.is_final
            ),
            None,
        )

    async def bid(self, auction: Topic, above: int, kind: str) -> None:
        """Sends it until it is answered."""
        assert auction.state is not None, "an auction that was not seen"
        amount = max(1, auction.state["minimum"] + above)
        bid = Sent(auction.subject_id, self.user_id, f"b{len(self.bids)}", amount, kind)
        self.bids.append(bid)
        await LiveChannel(self.client).ask(bid, WITHIN_S)

    async def say(self, text: str) -> None:
        result = await self.client.say(self.show_id, text, timeout_s=WITHIN_S)
        if result.outcome == "said":
            self.said.append(result.message_id)
        else:
            self.not_said.append(result.code)

    def where(self) -> str:
        """For people: how far this viewer has come."""
        client, show = self.client, self.show
        waits = ", waits for an answer" if show.waiting else ""
        errors = self.errors[-3:] or ""
        return f"{client.state}, {client.reconnects} reconnects, at {show.seq} of {show.epoch}{waits} {errors}"

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "error":
            self.errors.append(message)
        if message["type"] not in {"snapshot", "event"}:
            return
        name = message["topic"]
        self.histories.setdefault(name, History()).take(message)
        topic = self.client.topics[name]
        self._topics[id(topic)] = topic
