"""Video rooms by LiveKit (port: `show/video/rooms.py`). Imported only where LiveKit is configured."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import aiohttp
from livekit import api
from livekit.protocol.models import ParticipantInfo, TrackInfo, TrackSource

from blytz.kit.ids import new_id
from blytz.show.running.rooms import VideoUnavailable
from blytz.show.video.rooms import TOKEN_LASTS_S, Camera, Role, VideoEvent, WebhookRefused

TIMEOUT_S: Final = 2.0
EMPTY_ROOM_KEPT_S: Final = 600
"""LiveKit closes a room in which nobody is for so long."""
_ON_STAGE: Final = ("host_", "cohost_")
"""How the identities of those begin whose camera counts."""
_SOURCES: Final = ["camera", "microphone", "screen_share", "screen_share_audio"]
_CHANGES: Final[dict[str, Any]] = {
    "track_published": "camera_on",
    "track_unpublished": "camera_off",
    "participant_left": "left",
    "participant_connection_aborted": "left",
}

T = TypeVar("T")


class LiveKitRooms:
    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self._key, self._secret = key, secret
        self._webhooks = api.WebhookReceiver(api.TokenVerifier(key, secret))
        self._client: api.LiveKitAPI | None = None
        self.is_reachable: bool | None = None

    def token(self, show_id: str, role: Role, name: str) -> str:
        is_viewer = role == "viewer"
        grants = api.VideoGrants(
            room_join=True,
            room=show_id,
            can_subscribe=True,
            can_publish=not is_viewer,
            can_publish_data=False,
            can_publish_sources=None if is_viewer else _SOURCES,
            # Nobody in the room is told of each of thousands who come and go.
            hidden=is_viewer,
        )
        token = api.AccessToken(self._key, self._secret).with_identity(new_id(role)).with_grants(grants)
        return token.with_name(name).with_ttl(dt.timedelta(seconds=TOKEN_LASTS_S)).to_jwt()

    def event(self, body: bytes, authorization: str) -> VideoEvent:
        try:
            found = self._webhooks.receive(body.decode(), authorization.removeprefix("Bearer "))
        except Exception as error:  # the library raises many kinds, plain `Exception` among them
            raise WebhookRefused("this event is not signed by the LiveKit that is configured here") from error
        change = _CHANGES.get(found.event, "other")
        is_on_stage = found.participant.identity.startswith(_ON_STAGE)
        if not is_on_stage or (change != "left" and found.track.source != TrackSource.CAMERA):
            change = "other"
        return VideoEvent(
            found.id,
            found.created_at * 1_000,
            found.room.name,
            change,
            found.participant.identity,
            found.track.sid,
        )

    async def ensure(self, show_id: str) -> None:
        room = api.CreateRoomRequest(name=show_id, empty_timeout=EMPTY_ROOM_KEPT_S)
        await self._ask(lambda client: client.room.create_room(room))

    async def delete(self, show_id: str) -> None:
        await self._ask(lambda client: client.room.delete_room(api.DeleteRoomRequest(room=show_id)))

    async def names(self) -> Sequence[str]:
        found = await self._ask(lambda client: client.room.list_rooms(api.ListRoomsRequest()))
        return [room.name for room in found.rooms] if found else []

    async def cameras(self, show_id: str) -> Sequence[Camera]:
        wanted = api.ListParticipantsRequest(room=show_id)
        found = await self._ask(lambda client: client.room.list_participants(wanted))
        return [
            Camera(track.sid, participant.identity)
            for participant in (found.participants if found else ())
            if participant.identity.startswith(_ON_STAGE)
            for track in participant.tracks
            if _sends_picture(participant, track)
        ]

    async def remove(self, show_id: str, participant: str) -> None:
        whom = api.RoomParticipantIdentity(room=show_id, identity=participant)
        await self._ask(lambda client: client.room.remove_participant(whom))

    async def mute(self, show_id: str, participant: str) -> None:
        whom = api.RoomParticipantIdentity(room=show_id, identity=participant)
        found = await self._ask(lambda client: client.room.get_participant(whom))
        for track in found.tracks if found else ():
            await self._mute(show_id, participant, track.sid)

    async def _mute(self, show_id: str, participant: str, track: str) -> None:
        muted = api.MuteRoomTrackRequest(room=show_id, identity=participant, track_sid=track, muted=True)
        await self._ask(lambda client: client.room.mute_published_track(muted))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, call: Callable[[api.LiveKitAPI], Awaitable[T]]) -> T | None:
        """None for a room or a participant that does not exist."""
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._client = api.LiveKitAPI(self.url, self._key, self._secret, timeout=timeout, failover=False)
        try:
            answer = await call(self._client)
        except api.ServerError as error:
            # One that refuses our key is of no more use than one that does not answer.
            self.is_reachable = error.code == api.ServerErrorCode.NOT_FOUND
            if error.code == api.ServerErrorCode.NOT_FOUND:
                return None
            raise VideoUnavailable("LiveKit refuses: " + error.code) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.is_reachable = False
            raise VideoUnavailable("LiveKit does not answer") from error
        self.is_reachable = True
        return answer


def _sends_picture(participant: ParticipantInfo, track: TrackInfo) -> bool:
    is_there = participant.state != ParticipantInfo.State.DISCONNECTED
    return is_there and track.source == TrackSource.CAMERA and not track.muted
