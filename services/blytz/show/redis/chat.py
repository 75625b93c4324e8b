"""The chat of each show in Redis (port: `show/chat/service.py`)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from blytz.kit.answer import Answer
from blytz.kit.chat import Said
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import RedisPipe, Turn
from blytz.show.chat.rules import ChatRules, read_rules
from blytz.show.chat.service import Message, Moderated, SaidMessage
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import corrupt, load_scripts

_encode = msgspec.json.Encoder().encode
_read_message: Final = msgspec.json.Decoder(SaidMessage).decode
_EXEMPT: Final = ("moderator", "admin")
"""Roles for whom there is no slow mode, and no rehearsal that they may not see."""


class RedisChat:
    """`ChatLog` over one pipelined connection. Reads the replies to `say` too (`ReplyReader` in
    `kit/redis/pipe.py`)."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._scripts = load_scripts("say", "moderate", "said")

    def say(self, message: Message) -> Answer[Said | None]:
        command = self._scripts["say"].by_hash(keys_of(message.show_id).of_chat, _args(message))
        return self._pipe.send(command, self, message)

    def read(self, request: Message, reply: Any, turn: Turn) -> Said | None:  # noqa: ARG002 - ReplyReader's
        match reply:
            case [b"said", seq]:
                return Said(None, seq)
            case [b"refused", code, retry_after_ms]:
                return Said(code.decode(), None, retry_after_ms if retry_after_ms >= 0 else None)
        return None

    def fault(self, text: str) -> Exception:
        return corrupt(text)

    def with_source(self, request: Message) -> bytes:
        return self._scripts["say"].with_source(keys_of(request.show_id).of_chat, _args(request))

    def rules(self, show_id: str) -> Answer[ChatRules | None]:
        return self._pipe.call("HGET", keys_of(show_id).state, "chat_rules", convert=_rules_of_reply)

    async def mute(self, show_id: str, user_id: str, for_ms: int | None, by: str) -> Moderated:
        return await self._moderate("mute", show_id, by, user_id, "" if for_ms is None else for_ms)

    async def remove(self, show_id: str, message_id: str, by: str) -> Moderated:
        return await self._moderate("remove", show_id, by, message_id)

    async def announce_text(self, show_id: str, text: str, by: str, announcement_id: str) -> Moderated:
        return await self._moderate("announce", show_id, by, _encode(text), announcement_id)

    async def messages(self, show_id: str, message_id: str, before: int = 0) -> Sequence[SaidMessage]:
        keys, args = keys_of(show_id).of_log, (show_id, message_id, before)
        reply: list[bytes] = await self._pipe.run(self._scripts["said"], keys, args, fault=corrupt)
        return [_read_message(public) for public in reply]

    async def _moderate(self, act: str, show_id: str, by: str, subject: Part, more: Part = "") -> Moderated:
        args = (show_id, act, _encode({"actor": by}), subject, more)
        keys = keys_of(show_id).of_chat
        reply: bytes = await self._pipe.run(self._scripts["moderate"], keys, args, fault=corrupt)
        return Moderated(reply.decode())


def _rules_of_reply(reply: bytes | None) -> ChatRules | None:
    try:
        return None if reply is None else read_rules(reply)
    except msgspec.MsgspecError as error:
        raise corrupt(f"chat_rules: {error}") from error


def _args(message: Message) -> tuple[Part, ...]:
    speaker = message.speaker
    return (
        message.show_id,
        speaker.id,
        _encode({"id": speaker.id, "name": speaker.name}),
        "1" if speaker.has(*_EXEMPT) else "0",
        message.message_id,
        _encode(message.text),
        _encode({"actor": speaker.id, "request_id": message.request_id}),
        "" if message.links is None else _encode(message.links),
    )
