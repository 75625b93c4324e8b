"""The history of one topic, as far as a gateway keeps it: the last events and the state they lead to."""

from collections import deque
from collections.abc import Collection, Sequence
from itertools import islice

from blytz.kit.topics import Entry, TopicState
from blytz.live import protocol

MAX_REPLAYED_EVENTS = 500
"""How many events back a reader may resume from; further back it gets a snapshot."""


class History:
    """`received` is the `seq` of the last event. Readers may have been sent fewer, up to some `sent`; the events
    between the two are pending in the fan-out. A reader subscribes at `sent`."""

    def __init__(self, name: str, state: TopicState, epoch: str, past: Sequence[Entry]) -> None:
        """`past` is the end of the log, oldest first. Events after `state.seq` in it are ignored."""
        self.name = name
        self.epoch = epoch
        self.received = state.seq
        self._log: deque[Entry] = deque(maxlen=MAX_REPLAYED_EVENTS)
        self._state = state
        self._state_json = b""
        self._keep(past)

    def _keep(self, past: Sequence[Entry]) -> None:
        """Only an unbroken run up to `received`, because the log is indexed by counting."""
        for seq, public in past:
            if seq > self.received:
                break
            if self._log and seq != self._log[-1][0] + 1:
                self._log.clear()
            self._log.append((seq, public))
        if self._log and self._log[-1][0] != self.received:
            self._log.clear()

    def take(self, seq: int, public: bytes) -> bytes | None:
        """The next event, as the message for readers; None for one that is known already. Raises `Gap`."""
        if seq <= self.received:
            if self._log and seq >= self._log[0][0] and self._log[seq - self._log[0][0]][1] != public:
                raise Gap
            return None
        if seq != self.received + 1:
            raise Gap
        self.received = seq
        if len(self._log) == MAX_REPLAYED_EVENTS and not self._state.events_are_whole:
            # The oldest event leaves the log, so the state must hold it.
            self._lay_up_to(self._log[0][0])
        self._log.append((seq, public))
        return protocol.event(self.name, public)

    def is_continued_by(self, past: Sequence[Entry], seq: int) -> bool:
        """Whether the log, read after `received - 1`, begins with the last event known here, and ends soon."""
        is_near = self.received <= seq <= self.received + MAX_REPLAYED_EVENTS
        return is_near and bool(self._log and past and past[0] == self._log[-1])

    def since(self, after: int, epoch: str, sent: int) -> list[bytes] | None:
        """The events with `after < seq <= sent`, or None when they are not all here."""
        if epoch != self.epoch or not 0 <= after <= sent:
            return None
        oldest = self._log[0][0] if self._log else self.received + 1
        if after < oldest - 1:
            return None
        return [public for _, public in islice(self._log, after - oldest + 1, sent - oldest + 1)]

    def has_state_at(self, sent: int) -> bool:
        """False when more events are pending than are kept."""
        if self._state.events_are_whole:
            return self._state.seq == sent or bool(self._log and self._log[0][0] <= sent)
        return self._state.seq <= sent

    def state_at(self, sent: int) -> TopicState:
        """Call it only when `has_state_at`."""
        self._lay_up_to(sent)
        return self._state

    def readers_at(self, sent: int) -> Collection[str] | None:
        """The users who may watch, besides moderators and admins; None for everybody."""
        if not self._state.events_are_whole:
            self._lay_up_to(sent)
        return self._state.readers

    def state_json(self, sent: int) -> bytes:
        """The public state at `sent`, without `server_at`. Encoded again only when it has changed."""
        self._lay_up_to(sent)
        if not self._state_json:
            self._state_json = self._state.encode()
        return self._state_json

    def _lay_up_to(self, seq: int) -> None:
        state = self._state
        if state.seq == seq or (state.seq > seq and not state.events_are_whole):
            return
        oldest = self._log[0][0]
        first = seq if state.events_are_whole else state.seq + 1
        state.lay([public for _, public in islice(self._log, first - oldest, seq - oldest + 1)])
        self._state_json = b""


class Gap(Exception):
    """The event does not follow the last one: read the log in Redis."""
