"""What the HTTP calls of chat and moderation take and give (protocol, section 8)."""

from typing import Annotated, Literal

from litestar.params import PathParameter
from msgspec import Meta, Struct

from blytz.kit.chat import MessageId
from blytz.kit.http.empty_body import OptionalBody
from blytz.kit.http.parse import Parser
from blytz.kit.text import LINE
from blytz.show.chat.rules import MAX_WORD_LENGTH, MAX_WORDS
from blytz.show.moderation.service import MAX_MUTE_MS

MessageIdInPath = Annotated[str, PathParameter(description="as its speaker chose it")]
Word = Annotated[str, Meta(min_length=1, max_length=MAX_WORD_LENGTH, pattern=LINE)]
ChatText = Annotated[str, Meta(description="one line, 1 to 300 characters after trimming")]


class NewMessage(Struct, frozen=True, forbid_unknown_fields=True):
    message_id: MessageId
    text: ChatText


class MessageView(Struct, frozen=True):
    """`seq` is that of its event."""

    message_id: str
    seq: int
    changed: bool
    """Whether words that the seller does not allow were masked."""


class NewMute(Struct, frozen=True, forbid_unknown_fields=True):
    """Without `for_ms` it has no end."""

    for_ms: Annotated[int, Meta(ge=1, le=MAX_MUTE_MS)] | None = None


class MuteView(Struct, frozen=True):
    user_id: str
    for_ms: int | None


class NewAnnouncement(Struct, frozen=True, forbid_unknown_fields=True):
    text: ChatText


class AnnouncementView(Struct, frozen=True):
    announcement_id: str
    text: str


class NewChatRules(Struct, frozen=True, forbid_unknown_fields=True):
    """`words` are found however they are written. A message that has one is refused or said with the word masked.
    Links are shown as text unless they are allowed."""

    words: Annotated[tuple[Word, ...], Meta(max_length=MAX_WORDS)]
    links: Literal["text", "allowed"] = "text"
    on_match: Literal["refuse", "mask"] = "refuse"


class ChatRulesView(Struct, frozen=True):
    words: tuple[str, ...]
    links: Literal["text", "allowed"]
    on_match: Literal["refuse", "mask"]


read_chat_rules = Parser(NewChatRules)
read_new_message = Parser(NewMessage)
read_new_mute = OptionalBody(NewMute)
read_new_announcement = Parser(NewAnnouncement)
