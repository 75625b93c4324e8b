"""What moderators may do in the chat of a show: checks who may, puts it on record, then does it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden, NotFound, StoreUnavailable
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.acts import Act, AuditTrail, Verb
from blytz.show.chat.service import ChatCode, ChatLog, Moderated, chat_line
from blytz.show.model import Show, ShowCode, ShowStatus
from blytz.show.service import BYTES_OF_ROW, ShowService, refusal

MAX_MUTE_MS: Final = 30 * 24 * 60 * 60 * 1000
"""30 days; a mute without an end is kept as long after the last mute in the show."""
MAX_FILLS: Final = 3
"""A state that was just filled may be gone again only when Redis has lost it."""


class ModerationCode(StrEnum):
    """Why something was refused."""

    MESSAGE_NOT_FOUND = "message_not_found"
    TOO_MANY = "too_many"


NO_MESSAGE: Final = NotFound("there is no such message", code=ModerationCode.MESSAGE_NOT_FOUND)
TOO_MANY_MUTES: Final = Conflict(
    "10,000 users of the show are muted; lift one of the mutes first", code=ModerationCode.TOO_MANY
)
TEXT_REFUSED: Final = Conflict(
    "an announcement is one line of 1 to 300 visible characters", code=ChatCode.TEXT_REFUSED
)


class ModerationService:
    """For the show's seller, those named to moderate it, and everybody's moderators and admins.

    The act is on record before it is done: what was done is never missing there, and a call that fails between
    the two is on record although it was not done, until it is repeated. Every call may be repeated, and is then on
    record again. Raises `Forbidden`, `NotFound`, `Conflict`, `RateLimited`, what the trail and the chat raise."""

    def __init__(
        self,
        trail: AuditTrail,
        log: ChatLog,
        shows: ShowService,
        fill: Callable[[str], Awaitable[bool]],
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        """`fill` gives a show its state; False when there is no such show."""
        self._trail = trail
        self._log = log
        self._shows = shows
        self._fill = fill
        self._stored_bytes_of_user = stored_bytes_of_user

    async def remove(self, caller: Principal, show_id: str, message_id: str) -> None:
        """The message leaves the snapshot; those who watch are told. On record are its speaker and its text."""
        show = await self._shows.moderated_show(caller, show_id)
        found = await self._log.messages(show_id, message_id)
        if not found:
            raise NO_MESSAGE
        said = found[-1]
        detail = f"{message_id}: {said.text}"
        await self._record(caller, self._shows.act(Verb.MESSAGE_REMOVED, caller, show, said.user.id, detail))
        if await self._log.remove(show_id, message_id, caller.id) is not Moderated.DONE:
            raise NO_MESSAGE

    async def mute(self, caller: Principal, show_id: str, user_id: str, for_ms: int | None) -> None:
        """None mutes for good. The show's seller cannot be muted."""
        show = await self._shows.moderated_show(caller, show_id)
        if user_id == show.seller.id:
            raise Forbidden("the seller of a show cannot be muted in it")
        detail = "for good" if for_ms is None else f"for {for_ms} ms"
        act = self._shows.act(Verb.USER_MUTED, caller, show, user_id, detail)
        await self._do(caller, show, act, lambda: self._log.mute(show_id, user_id, for_ms, caller.id))

    async def unmute(self, caller: Principal, show_id: str, user_id: str) -> None:
        """Lifting a mute twice is lifting it once."""
        show = await self._shows.moderated_show(caller, show_id)
        act = self._shows.act(Verb.USER_UNMUTED, caller, show, user_id)
        await self._do(caller, show, act, lambda: self._log.mute(show_id, user_id, 0, caller.id))

    async def announce(self, caller: Principal, show_id: str, announcement_id: str, text: str) -> str:
        """The text as everybody who watches gets it: trimmed. The same id again announces nothing."""
        show = await self._shows.moderated_show(caller, show_id)
        line = chat_line(text)
        if line is None:
            raise TEXT_REFUSED
        act = self._shows.act(Verb.ANNOUNCED, caller, show, announcement_id, line)
        await self._do(
            caller, show, act, lambda: self._log.announce_text(show_id, line, caller.id, announcement_id)
        )
        return line

    async def _do(self, caller: Principal, show: Show, act: Act, do: Callable[[], Awaitable[Moderated]]) -> None:
        if show.status is ShowStatus.DRAFT:
            # Nobody watches it, and nobody speaks in it.
            raise refusal(ShowCode.SHOW_NOT_LIVE)
        await self._record(caller, act)
        for _ in range(MAX_FILLS):
            done = await do()
            if done is Moderated.DONE:
                return
            if done is Moderated.TOO_MANY:
                raise TOO_MANY_MUTES
            if not await self._fill(show.show_id):
                raise refusal(ShowCode.SHOW_NOT_FOUND)
        raise StoreUnavailable

    async def _record(self, caller: Principal, act: Act) -> None:
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(caller.id, BYTES_OF_ROW)
        await self._trail.record(act)
