"""Wiring of video: LiveKit where it is configured."""

from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency
from blytz.show.running.rooms import VideoUnavailable
from blytz.show.video.rooms import VideoRooms


def rooms_of(settings: Settings) -> VideoRooms | None:
    """None where no LiveKit is configured. Its libraries take 20 MB, so they are imported only where they are
    used."""
    if not settings.livekit_url:
        return None
    from blytz.show.video.livekit import LiveKitRooms

    return LiveKitRooms(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)


def state_of(rooms: VideoRooms | None) -> Dependency:
    """For `/ready`. Everything else works without video."""
    if rooms is None:
        return Dependency("unavailable", VideoUnavailable.code, "LIVEKIT_URL is not set", optional=True)
    if rooms.is_reachable is False:
        return Dependency("away", VideoUnavailable.code, "LiveKit does not answer", optional=True)
    return Dependency("up" if rooms.is_reachable else "unasked", optional=True)
