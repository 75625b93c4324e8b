"""The HTTP calls of video (protocol, section 9)."""

from typing import Annotated, Final, Literal

from litestar import Controller, delete, post
from litestar.params import JSONBody, PathParameter
from msgspec import Struct

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, optional_caller
from blytz.kit.http.empty_body import refuse_body
from blytz.kit.http.litestar import Call, spec
from blytz.kit.http.parse import Parser
from blytz.kit.text import NAME
from blytz.show.http import responses as answers
from blytz.show.http.schemas import ShowId
from blytz.show.video.service import VideoService

Participant = Annotated[str, PathParameter(pattern=NAME, description="its identity in the room")]


class VideoRole(Struct, frozen=True, forbid_unknown_fields=True):
    role: Literal["host", "cohost", "viewer"]


class VideoTicket(Struct, frozen=True):
    """For a LiveKit client: `url` and `token` let it into `room`. The token is needed to join only."""

    url: str
    token: str
    room: str
    expires_at: int


class EventTaken(Struct, frozen=True):
    outcome: Literal["recorded", "repeated", "ignored"]


read_role: Final = Parser(VideoRole)


def _video_of(connection: Connection) -> VideoService:
    service: VideoService = connection.app.state.video
    return service


class VideoCalls(Controller):
    """Watching is for anybody who may see the show, being on camera for its seller and moderators."""

    path = "/v1"
    tags = ("video",)

    @post("/shows/{show_id:str}/video-token", **spec("joinVideo", "Join the video", answers.JOIN_VIDEO, read_role))
    async def join(self, request: Call, show_id: ShowId, data: JSONBody[VideoRole]) -> VideoTicket:
        """A viewer of a show that is live or paused needs no sign-in, and may only watch. The host is its seller;
        a cohost its seller, a moderator or an admin: both may try their cameras before the show."""
        ticket = await _video_of(request).ticket(show_id, data.role, await optional_caller(request))
        return VideoTicket(ticket.url, ticket.token, ticket.room, ticket.expires_at)

    @delete(
        "/shows/{show_id:str}/video-participants/{participant:str}",
        **spec("removeFromVideo", "Remove somebody from the video", answers.STAGE),
        **SIGNED_IN,
    )
    async def remove(self, request: Call, show_id: ShowId, participant: Participant) -> None:
        """For the show's seller, moderators and admins."""
        await _video_of(request).remove(caller_of(request), show_id, participant)

    @post(
        "/shows/{show_id:str}/video-participants/{participant:str}/mute",
        status_code=204,
        **spec("muteInVideo", "Mute somebody in the video", answers.STAGE),
        **SIGNED_IN,
    )
    async def mute(self, request: Call, show_id: ShowId, participant: Participant) -> None:
        """Camera and microphone, until they are switched on again. For the same."""
        await refuse_body(request)
        await _video_of(request).mute(caller_of(request), show_id, participant)

    @post("/video/webhook", status_code=200, **spec("takeVideoEvent", "Events of LiveKit", answers.VIDEO_EVENT))
    async def take_event(self, request: Call) -> EventTaken:
        """For LiveKit only: its body is signed by the token in `Authorization`. Each event counts once."""
        authorization = request.headers.get("authorization", "")
        outcome = await _video_of(request).take_event(await request.body(), authorization)
        return EventTaken(outcome)
