"""One show as a client knows it: the state, kept up to date by laying events over it."""

from typing import Any

import msgspec

from blytz.client.topic import Topic
from blytz.show.view import ShowView


class ShowTopic(Topic):
    """`state` is None until the first snapshot."""

    def __init__(self, show_id: str) -> None:
        super().__init__(show_id, "show")
        self._view: ShowView | None = None

    @property
    def is_final(self) -> bool:
        return self.state is not None and self.state["show"]["status"] in ("ended", "cancelled")

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

    def _after(self, event: dict[str, Any]) -> dict[str, Any]:
        assert self._view is not None, "an event before a snapshot"
        self._view.apply(event)
        state: dict[str, Any] = msgspec.json.decode(self._view.encode())
        return state
