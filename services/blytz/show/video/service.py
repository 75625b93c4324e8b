"""What callers may do with the video of shows: checks who may, then asks LiveKit or the store."""

from collections.abc import Callable
from typing import Final, Literal

from msgspec import Struct

from blytz.identity import Principal
from blytz.kit.problems import Forbidden, Unauthenticated
from blytz.show.acts import Verb
from blytz.show.model import Show, ShowCode, ShowStatus
from blytz.show.running.rooms import VideoUnavailable
from blytz.show.service import ShowService, refusal
from blytz.show.video.rooms import TOKEN_LASTS_S, Role, VideoRooms, WebhookRefused
from blytz.show.video.store import VideoStore

MAX_AGE_MS: Final = 300_000
"""Of an event; LiveKit sends an event again for a few seconds only."""


class Ticket(Struct, frozen=True):
    """What a client needs to join the room of a show."""

    url: str
    token: str
    room: str
    expires_at: int


class VideoService:
    """Raises `VideoUnavailable`, `Forbidden`, `NotFound`, `Conflict`, and what the stores raise."""

    def __init__(
        self, shows: ShowService, store: VideoStore, rooms: VideoRooms | None, now: Callable[[], int]
    ) -> None:
        """Without `rooms` no LiveKit is configured. `now` is the time in ms since the Unix epoch."""
        self._shows = shows
        self._store = store
        self._given_rooms = rooms
        self._now = now

    @property
    def _rooms(self) -> VideoRooms:
        if self._given_rooms is None:
            raise VideoUnavailable("no LiveKit is configured here: show a still picture")
        return self._given_rooms

    async def ticket(self, show_id: str, role: Role, caller: Principal | None) -> Ticket:
        """A viewer is anybody who may see the show, while it is live or paused. The host is its seller; a cohost
        is the seller, a moderator or an admin; both may try their cameras before the show. Raises
        `Unauthenticated` too."""
        show = await self._of_role(show_id, role, caller)
        if show.status.is_final:
            raise refusal(ShowCode.SHOW_OVER)
        if role == "viewer" and show.status not in (ShowStatus.LIVE, ShowStatus.PAUSED):
            raise refusal(ShowCode.SHOW_NOT_LIVE)
        rooms = self._rooms
        name = "" if caller is None or role == "viewer" else caller.name
        return Ticket(rooms.url, rooms.token(show_id, role, name), show_id, self._now() + TOKEN_LASTS_S * 1_000)

    async def _of_role(self, show_id: str, role: Role, caller: Principal | None) -> Show:
        if role == "viewer":
            return await self._shows.get(show_id, caller)
        if caller is None:
            raise Unauthenticated("only a signed-in seller or moderator is on camera")
        if role == "cohost":
            return await self._shows.moderated_show(caller, show_id)
        show = await self._shows.get(show_id, caller)
        if show.seller.id != caller.id:
            raise Forbidden("only its seller is the host of a show")
        return show

    async def remove(self, caller: Principal, show_id: str, participant: str) -> None:
        """For the show's seller, moderators and admins. Its token lets it in again until that expires."""
        show = await self._shows.moderated_show(caller, show_id)
        await self._rooms.remove(show_id, participant)
        await self._store.audit(self._shows.act(Verb.REMOVED_FROM_VIDEO, caller, show, participant))

    async def mute(self, caller: Principal, show_id: str, participant: str) -> None:
        """For the same."""
        show = await self._shows.moderated_show(caller, show_id)
        await self._rooms.mute(show_id, participant)
        await self._store.audit(self._shows.act(Verb.MUTED_IN_VIDEO, caller, show, participant))

    async def take_event(self, body: bytes, authorization: str) -> Literal["recorded", "repeated", "ignored"]:
        """For LiveKit. The worker does the rest. Raises `WebhookRefused`."""
        event, now = self._rooms.event(body, authorization), self._now()
        if not event.event_id or abs(now - event.sent_at) > MAX_AGE_MS:
            raise WebhookRefused("this event is too old, or has no id")
        if event.change == "other":
            return "ignored"
        return "recorded" if await self._store.record(event, now) else "repeated"
