"""The chat of a show: what may be said, and the port to where it is decided (adapter: `show/redis/chat.py`)."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.answer import Answer
from blytz.kit.chat import Said
from blytz.kit.problems import Forbidden, Overloaded, RateLimited
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.text import is_line, without_direction
from blytz.show.chat.rules import NO_RULES, ChatRules

MAX_TEXT: Final = 300
"""Characters of a message, after trimming."""
MAX_FILLING: Final = 64
"""Messages that wait until their show is read from the catalogue."""
RULES_KEPT_S: Final = 2.0
"""How long a process uses the rules of a show before it reads them again."""
MAX_RULES_KEPT: Final = 1_024
"""Shows."""
WORD_REFUSED: Final = "a word of it is not allowed here"
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
    links: bool | None = None
    """True: shown as clickable links; false: as plain text; None: the text has none."""


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

    def rules(self, show_id: str) -> Answer[ChatRules | None]:
        """Those of the show's seller; None when the show has no state."""

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
        self,
        log: ChatLog,
        fill: Callable[[str], Awaitable[bool]],
        messages_of_user: UserLimit | None = None,
        rules_kept_s: float = RULES_KEPT_S,
    ) -> None:
        """`fill` gives a show its state; False when there is no such show."""
        self._log = log
        self._fill = fill
        self._messages_of_user = messages_of_user
        self._filling: set[asyncio.Task[None]] = set()
        self._rules_kept_s = rules_kept_s
        self._rules: dict[str, tuple[ChatRules, float]] = {}
        """And until when they are used, in seconds of the monotonic clock."""

    def say(self, speaker: Principal, show_id: str, message_id: str, text: str, request_id: str) -> Answer[Said]:
        """For everybody with a role. Raises `Forbidden`; the call and its answer raise `Overloaded` and
        `StoreUnavailable`, then the message may be sent again with its `message_id`."""
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
        rules, until = self._rules.get(show_id, (NO_RULES, 0.0))
        if time.monotonic() < until:
            self._send(message, rules, answer)
        else:
            self._log.rules(show_id).then(partial(self._read, message, answer))
        return answer

    def _read(self, message: Message, answer: Answer[Said], read: Answer[ChatRules | None]) -> None:
        if (error := read.exception()) is not None:
            answer.fail(error)
        else:
            self._send(message, self._keep(message.show_id, read.result()), answer)

    def _keep(self, show_id: str, rules: ChatRules | None) -> ChatRules:
        if rules is None:
            return NO_RULES
        self._rules.pop(show_id, None)
        if len(self._rules) >= MAX_RULES_KEPT:
            self._rules.pop(next(iter(self._rules)))
        self._rules[show_id] = (rules, time.monotonic() + self._rules_kept_s)
        return rules

    def _send(self, message: Message, rules: ChatRules, answer: Answer[Said]) -> None:
        judged = rules.judge(message.text)
        if judged.text is None:
            answer.give(Said(ChatCode.TEXT_REFUSED, detail=WORD_REFUSED))
            return
        said = replace(message, text=judged.text, links=judged.links)
        self._log.say(said).then(partial(self._decided, message, answer, judged.is_changed))

    def _decided(
        self, message: Message, answer: Answer[Said], is_changed: bool, decided: Answer[Said | None]
    ) -> None:
        if (error := decided.exception()) is not None:
            answer.fail(error)
        elif (said := decided.result()) is not None:
            answer.give(replace(said, is_changed=is_changed and said.code is None))
        elif len(self._filling) >= MAX_FILLING:
            answer.fail(Overloaded())
        else:
            task = asyncio.create_task(self._fill_and_say(message, answer), name="fill for chat")
            self._filling.add(task)
            task.add_done_callback(self._filling.discard)

    async def _fill_and_say(self, message: Message, answer: Answer[Said]) -> None:
        """The show has no state, because nobody watches it. Its rules come with its state."""
        try:
            said = await self._say_in_filled(message) if await self._fill(message.show_id) else None
        except Exception as error:  # noqa: BLE001 - the speaker's connection handles it
            answer.fail(error)
        else:
            answer.give(said or Said(ChatCode.SHOW_NOT_FOUND))

    async def _say_in_filled(self, message: Message) -> Said:
        judged = self._keep(message.show_id, await self._log.rules(message.show_id)).judge(message.text)
        if judged.text is None:
            return Said(ChatCode.TEXT_REFUSED, detail=WORD_REFUSED)
        said = await self._log.say(replace(message, text=judged.text, links=judged.links))
        if said is None:
            return Said(ChatCode.NOT_LIVE)
        return replace(said, is_changed=judged.is_changed and said.code is None)
