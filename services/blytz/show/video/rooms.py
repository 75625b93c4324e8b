"""The port to the video rooms of shows; `show/video/livekit.py` is behind it where LiveKit is configured.

Each show has one room, named as the show. A participant has a new identity for each token, which begins with its
role: a host may come with several devices, and nobody learns the user id of a viewer.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct

from blytz.kit.problems import Unauthenticated
from blytz.show.running.rooms import Rooms

Role = Literal["host", "cohost", "viewer"]
TOKEN_LASTS_S: Final = 3_600
"""A token is needed to join only: LiveKit itself renews it for those who are in the room."""


class WebhookRefused(Unauthenticated):
    """An event that LiveKit has not signed, or one that is too old."""

    token_was_sent = True


class Camera(Struct, frozen=True):
    """A camera of the host or of a cohost that sends a picture."""

    track: str
    participant: str
    """The identity in the room."""


class VideoEvent(Struct, frozen=True):
    """What LiveKit's webhook tells."""

    event_id: str
    sent_at: int
    show_id: str
    change: Literal["camera_on", "camera_off", "left", "other"]
    """Of the host or a cohost; `other` changes nothing for the clocks of a show."""
    participant: str = ""
    track: str = ""
    """Empty for a participant who has left."""


class VideoRooms(Rooms, Protocol):
    """All calls that wait raise `VideoUnavailable`, after 2 s at most."""

    url: str
    """Where clients connect to."""

    @property
    def is_reachable(self) -> bool | None:
        """Whether the last call was answered; None before the first."""

    def token(self, show_id: str, role: Role, name: str) -> str:
        """For one participant, for `TOKEN_LASTS_S`. `name` is seen by everybody in the room."""

    def event(self, body: bytes, authorization: str) -> VideoEvent:
        """Raises `WebhookRefused` unless the body is signed."""

    async def names(self) -> Sequence[str]:
        """Of all rooms that exist."""

    async def cameras(self, show_id: str) -> Sequence[Camera]:
        """None of them without a room."""

    async def remove(self, show_id: str, participant: str) -> None:
        """Disconnect it; one that is not there is removed already."""

    async def mute(self, show_id: str, participant: str) -> None:
        """Stop all that it sends, until it sends again."""

    async def close(self) -> None: ...


def cameras_after(cameras: Iterable[Camera], events: Iterable[VideoEvent]) -> list[Camera]:
    """`cameras` were asked for just after these events, and may lag behind them a little."""
    by_track = {camera.track: camera for camera in cameras}
    for event in events:
        if event.change == "camera_on":
            by_track[event.track] = Camera(event.track, event.participant)
        elif event.change == "camera_off":
            by_track.pop(event.track, None)
        elif event.change == "left":
            by_track = {
                track: camera for track, camera in by_track.items() if camera.participant != event.participant
            }
    return list(by_track.values())
