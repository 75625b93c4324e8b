"""A topic as a client knows it: the state, kept up to date by laying events over it."""

from typing import Any, Final

FINAL: Final = ("sold", "unsold", "cancelled")
"""Statuses of an auction that are for good; the event that brings one is called like it."""


class Gap(Exception):
    """An event is missing before this one: watch again from what is known, never guess."""


class Topic:
    """One auction. `state` is None until the first snapshot. Once a gap was seen, events are not taken until the
    answer to the watch that heals it."""

    kind = "auction"
    final: tuple[str, ...] = FINAL

    def __init__(self, subject_id: str) -> None:
        self.subject_id = subject_id
        self.name = f"{self.kind}:{subject_id}"
        self.state: dict[str, Any] | None = None
        self.seq = 0
        self.epoch: str | None = None
        self.viewers = 0
        self.gaps = 0
        self.snapshots = 0
        self.waiting = True
        """A watch was sent, and its answer is still to come."""
        self.is_followed = False
        """It came with a show that is watched: nobody asked for it by name."""

    @property
    def is_final(self) -> bool:
        return self.state is not None and self.status in self.final

    @property
    def status(self) -> str:
        """Of a topic that has a state."""
        return str((self.state or {})["status"])

    def watch_message(self) -> dict[str, Any]:
        """What to send on a new connection, or after a gap: from here on, please."""
        self.waiting = True
        message = {"type": "watch", "topic": self.name, "ref": self.name}
        return message if self.epoch is None else {**message, "after": self.seq, "epoch": self.epoch}

    def take(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Lay one message over the state and give the events that were new in it. Raises `Gap`."""
        match message["type"]:
            case "snapshot":
                self.state, self.seq, self.epoch = message["state"], message["seq"], message["epoch"]
                self.snapshots += 1
                self.waiting = False
            case "replay":
                self.waiting = False
                return [event for event in message["events"] if self._lay(event)]
            case "event" if not self.waiting:
                return [message] if self._lay(message) else []
            case "viewers":
                self.viewers = message["count"]
        return []

    def _lay(self, event: dict[str, Any]) -> bool:
        seq = event["seq"]
        if seq <= self.seq:
            return False
        if seq != self.seq + 1:
            self.gaps += 1
            raise Gap
        self.seq = seq
        self.state = self._after(self.state or {}, event)
        return True

    def _after(self, state: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        # What an event says of the state stands in it under the state's own names.
        return state | {name: event[name] for name in event.keys() & state.keys()}
