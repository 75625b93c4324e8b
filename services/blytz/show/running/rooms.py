"""What a show that runs needs of its video room (all of the port: `show/video/rooms.py`)."""

from typing import Protocol

from blytz.kit.problems import Problem


class VideoUnavailable(Problem):
    """No LiveKit is configured, or it does not answer."""

    status, code, title = 503, "video_unavailable", "There is no video now"
    retry_after_ms = 10_000


class Rooms(Protocol):
    """Each call raises `VideoUnavailable`, after 2 s at most."""

    async def ensure(self, show_id: str) -> None: ...

    async def delete(self, show_id: str) -> None:
        """Whoever is in it is disconnected. One that does not exist is deleted already."""
