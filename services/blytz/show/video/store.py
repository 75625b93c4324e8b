"""The port to what is stored about the video of shows."""

from collections.abc import Sequence
from typing import Protocol

from blytz.show.acts import Act
from blytz.show.video.rooms import VideoEvent


class VideoStore(Protocol):
    """Every call is one transaction. All raise `StoreUnavailable` and `Overloaded`."""

    async def record(self, event: VideoEvent, now: int) -> bool:
        """False for one that was recorded before."""

    async def is_anything_on(self) -> bool:
        """Whether there is a show that is live or paused, or an event that is not done: a host may try the camera
        before the show."""

    async def new_events(self, limit: int) -> Sequence[tuple[VideoEvent, int]]:
        """Those that are not done, with the time at which they were recorded, the oldest first."""

    async def finish(self, event_ids: Sequence[str]) -> None: ...

    async def forget(self, before: int) -> None:
        """What was recorded before then (ms since the Unix epoch)."""

    async def shows_to_pause(self, now: int, limit: int) -> Sequence[str]:
        """Those whose host has been away for too long by now."""

    async def running(self, limit: int, after: str = "") -> Sequence[str]:
        """Live and paused shows whose ids come after this one, in the order of ids."""

    async def over(self, show_ids: Sequence[str]) -> Sequence[str]:
        """Those of these that have ended or were cancelled."""

    async def audit(self, act: Act) -> None:
        """Put it on record."""
