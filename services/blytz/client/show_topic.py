"""One show as a client knows it: the state, kept up to date by laying events over it."""

from typing import Any, Final

from blytz.client.topic import Topic
from blytz.show.events.view import ShowView

SHOW_OVER: Final = ("ended", "cancelled")
"""Statuses that are for good."""


class ShowTopic(Topic):
    """`state` has the `show`, its `lots` in queue order, the last `messages` of the chat, and the `moderators`.
    Who follows a show gets the auctions of its lots too, each with a snapshot first."""

    kind = "show"
    final = SHOW_OVER

    def __init__(self, show_id: str) -> None:
        super().__init__(show_id)
        self._view: ShowView | None = None

    @property
    def status(self) -> str:
        return str((self.state or {})["show"]["status"])

    def watch_message(self) -> dict[str, Any]:
        return {**super().watch_message(), "follow": True}

    def take(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["type"] == "snapshot":
            state = message["state"]
            self._view = ShowView(
                self.subject_id,
                message["seq"],
                message["epoch"],
                state["show"],
                state["lots"],
                state["moderators"],
                state["messages"],
            )
        return super().take(message)

    def _after(self, _: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        view = self._view
        assert view is not None, "an event before a snapshot"
        view.apply(event)
        return {
            "show_id": view.show_id,
            "seq": view.seq,
            "show": view.show,
            "lots": sorted(view.lots.values(), key=lambda lot: (lot["position"], lot["lot_id"])),
            "messages": list(view.messages),
            "moderators": view.moderators,
        }
