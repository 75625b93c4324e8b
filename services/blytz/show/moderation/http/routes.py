"""The HTTP calls of chat and moderation (protocol, section 8)."""

from litestar import Controller, delete, get, post, put
from litestar.params import JSONBody
from msgspec.structs import asdict

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, operation, request_id_of
from blytz.identity.http.schemas import UserId
from blytz.kit.http.fields import IdempotencyKey
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.kit.ids import new_id
from blytz.show.chat.rules import ChatRules
from blytz.show.chat.service import ShowChat
from blytz.show.http.schemas import ShowId
from blytz.show.moderation.http import examples
from blytz.show.moderation.http import responses as answers
from blytz.show.moderation.http.schemas import (
    AnnouncementView,
    ChatRulesView,
    MessageIdInPath,
    MessageView,
    MuteView,
    NewAnnouncement,
    NewChatRules,
    NewMessage,
    NewMute,
    read_chat_rules,
    read_new_announcement,
    read_new_message,
    read_new_mute,
)
from blytz.show.moderation.rules_service import ChatRulesService
from blytz.show.moderation.service import ModerationService


def _service_of(connection: Connection) -> ModerationService:
    service: ModerationService = connection.app.state.moderation
    return service


class ChatCalls(Controller):
    path = "/v1/shows/{show_id:str}"
    tags = ("shows",)

    @post("/messages", **spec("sayInShow", "Say something", answers.SAY, read_new_message), **SIGNED_IN)
    async def say(self, request: Call, show_id: ShowId, data: JSONBody[NewMessage]) -> MessageView:
        """In the chat of a show that is live or paused, for clients without a socket. The same `message_id` again
        is the same message."""
        chat: ShowChat = request.app.state.chat
        said = await chat.say(caller_of(request), show_id, data.message_id, data.text, request_id_of(request))
        if said.code is not None or said.seq is None:
            raise answers.problem_of(said)
        return MessageView(data.message_id, said.seq, said.is_changed)

    @delete(
        "/messages/{message_id:str}",
        **spec("removeMessage", "Remove a message", answers.REMOVE),
        **SIGNED_IN,
    )
    async def remove(self, request: Call, show_id: ShowId, message_id: MessageIdInPath) -> None:
        """From the snapshot, and everybody who watches is told; one of the last 10,000 of the show."""
        await _service_of(request).remove(caller_of(request), show_id, message_id)

    @put("/mutes/{user_id:str}", **spec("muteUser", "Mute a user", answers.MUTE, read_new_mute), **SIGNED_IN)
    async def mute(self, request: Call, show_id: ShowId, user_id: UserId, data: JSONBody[NewMute]) -> MuteView:
        """In this show, from now on; a new mute replaces the one before."""
        await _service_of(request).mute(caller_of(request), show_id, user_id, data.for_ms)
        return MuteView(user_id, data.for_ms)

    @delete("/mutes/{user_id:str}", **spec("unmuteUser", "Lift a mute", answers.UNMUTE), **SIGNED_IN)
    async def unmute(self, request: Call, show_id: ShowId, user_id: UserId) -> None:
        """Of a user who is not muted it changes nothing."""
        await _service_of(request).unmute(caller_of(request), show_id, user_id)

    @post(
        "/announcements",
        **spec("announceInShow", "Announce something", answers.ANNOUNCE, read_new_announcement),
        **SIGNED_IN,
    )
    async def announce(
        self,
        request: Call,
        show_id: ShowId,
        data: JSONBody[NewAnnouncement],
        idempotency_key: IdempotencyKey = None,
    ) -> AnnouncementView:
        """To everybody who watches the show."""
        once = await operation(request, idempotency_key, new_id("ann"))
        text = await _service_of(request).announce(caller_of(request), show_id, once.subject_id, data.text)
        return AnnouncementView(once.subject_id, text)


class ChatRulesCalls(Controller):
    path = "/v1/sellers/me/chat-rules"
    tags = ("shows",)

    @get(**spec("getChatRules", "The chat rules of the caller", answers.RULES), **SIGNED_IN)
    async def read(self, request: Call) -> ChatRulesView:
        """What may be said in the chats of their shows."""
        service: ChatRulesService = request.app.state.chat_rules
        return ChatRulesView(**asdict(await service.get(caller_of(request))))

    @put(**spec("setChatRules", "Set the chat rules", answers.SET_RULES, read_chat_rules), **SIGNED_IN)
    async def replace(self, request: Call, data: JSONBody[NewChatRules]) -> ChatRulesView:
        """For all shows of the caller; those that are live follow within a few seconds."""
        service: ChatRulesService = request.app.state.chat_rules
        await service.set(caller_of(request), ChatRules(**asdict(data)))
        return ChatRulesView(**asdict(data))


def moderation_routes(
    service: ModerationService | None = None,
    chat: ShowChat | None = None,
    chat_rules: ChatRulesService | None = None,
) -> RouteGroup:
    """Without services they can be described but not called."""
    state = {"moderation": service, "chat": chat, "chat_rules": chat_rules}
    return RouteGroup([ChatCalls, ChatRulesCalls], examples.REQUESTS, examples.ANSWERS, state)
