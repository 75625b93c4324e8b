"""The chat of a show: what may be said, and the port to where it is decided (adapter: `show/redis/chat.py`)."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, Protocol

from msgspec import Struct

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.answer import Answer
from blytz.kit.chat import Said
from blytz.kit.problems import Forbidden, Overloaded, RateLimited
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.text import is_line, without_direction

MAX_TEXT: Final = 300
"""Characters of a message, after trimming."""
MAX_FILLING: Final = 64
"""Messages that wait until their show is read from the catalogue."""
FORBIDDEN_TO_SPEAK: Final = Forbidden("only a bidder may speak")
# An id becomes part of keys, so a text that cannot be an id is refused before the log sees it.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class ChatCode(StrEnum):
    """Why a message was refused; the first that holds."""

    TEXT_REFUSED = "text_refused"
    RATE_LIMITED = "rate_limited"
    SHOW_NOT_FOUND = "show_not_found"
    MESSAGE_ID_REUSED = "message_id_reused"
    """By another user: a message is removed by its id."""
    NOT_LIVE = "not_live"
    BLOCKED = "blocked"
    MUTED = "muted"
    SLOW_MODE = "slow_mode"


class Message(Struct, frozen=True):
    show_id: str
    message_id: str
    speaker: Principal
    text: str
    request_id: str


class SaidMessage(Struct, frozen=True):
    """A message as everybody got it."""

    message_id: str
    user: Party
    text: str
    at: int
    """Milliseconds since the Unix epoch, on the Redis clock."""


class Moderated(StrEnum):
    DONE = "done"
    ABSENT = "absent"
    """The show has no state: nobody has watched it lately."""
    NOT_FOUND = "not_found"
    """There is no such message among those that can still be removed."""
    TOO_MANY = "too_many"
    """10,000 users of the show are muted."""


class ChatLog(Protocol):
    """Every call is atomic. All raise `StoreUnavailable`, `Overloaded` and `CorruptShow`. Who may moderate is not
    checked here."""

    def say(self, message: Message) -> Answer[Said | None]:
        """Decide one message, record and announce it. None when the show has no state. The same `message_id` of
        the same user gets the first answer, while the show's log holds the message."""

    async def mute(self, show_id: str, user_id: str, for_ms: int | None, by: str) -> Moderated:
        """None mutes for good, 0 lifts it. `by` is the user who does it."""

    async def remove(self, show_id: str, message_id: str, by: str) -> Moderated:
        """The message leaves the snapshot. It stays in the log, for replays."""

    async def announce_text(self, show_id: str, text: str, by: str, announcement_id: str) -> Moderated:
        """The same id again announces nothing, while it is among the last 10,000."""

    async def messages(self, show_id: str, message_id: str, before: int = 0) -> Sequence[SaidMessage]:
        """The message and up to 10 said before it, the oldest first, also those that were removed; none when the
        show's log does not hold it."""


def chat_line(text: str) -> str | None:
    """The text as it is said: trimmed, without marks that turn the direction of the text around it; None for one
    that is too long, has control characters or line breaks, or shows nothing."""
    line = without_direction(text).strip()
    return line if is_line(line) and len(line) <= MAX_TEXT else None


class ShowChat:
    """`Chat` of the gateway (`live/chat.py`)."""

    def __init__(
        self, log: ChatLog, fill: Callable[[str], Awaitable[bool]], messages_of_user: UserLimit | None = None
    ) -> None:
        """`fill` gives a show its state; False when there is no such show."""
        self._log = log
        self._fill = fill
        self._messages_of_user = messages_of_user
        self._filling: set[asyncio.Task[None]] = set()

    def say(self, speaker: Principal, show_id: str, message_id: str, text: str, request_id: str) -> Answer[Said]:
        """For everybody with a role. Raises `Forbidden`, and `Overloaded` and `StoreUnavailable` as does the answer;
        then the message may be sent again with its `message_id`."""
        if not speaker.roles:
            raise FORBIDDEN_TO_SPEAK
        line = chat_line(text)
        if line is None:
            return Answer.of(Said(ChatCode.TEXT_REFUSED))
        if not _ID.match(show_id):
            return Answer.of(Said(ChatCode.SHOW_NOT_FOUND))
        if self._messages_of_user is not None:
            try:
                self._messages_of_user.take(speaker.id)
            except RateLimited as problem:
                return Answer.of(Said(ChatCode.RATE_LIMITED, retry_after_ms=problem.retry_after_ms))
        message = Message(show_id, message_id, speaker, line, request_id)
        answer: Answer[Said] = Answer()
        self._log.say(message).then(partial(self._decided, message, answer))
        return answer

    def _decided(self, message: Message, answer: Answer[Said], decided: Answer[Said | None]) -> None:
        if (error := decided.exception()) is not None:
            answer.fail(error)
        elif (said := decided.result()) is not None:
            answer.give(said)
        elif len(self._filling) >= MAX_FILLING:
            answer.fail(Overloaded())
        else:
            task = asyncio.create_task(self._fill_and_say(message, answer), name="fill for chat")
            self._filling.add(task)
            task.add_done_callback(self._filling.discard)

    async def _fill_and_say(self, message: Message, answer: Answer[Said]) -> None:
        """The show has no state, because nobody watches it."""
        try:
            is_there = await self._fill(message.show_id)
            said = await self._log.say(message) if is_there else Said(ChatCode.SHOW_NOT_FOUND)
        except Exception as error:  # noqa: BLE001 - the speaker's connection handles it
            answer.fail(error)
        else:
            answer.give(said or Said(ChatCode.NOT_LIVE))
