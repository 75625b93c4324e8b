"""One chat message of one connection, from its frame until its speaker is answered."""

import structlog

from blytz.identity import Principal
from blytz.kit.answer import Answer
from blytz.kit.chat import Said
from blytz.kit.problems import NotDurable, Problem, StoreUnavailable, Unauthenticated
from blytz.live import protocol
from blytz.live.context import Chat, ClientConnection
from blytz.live.protocol import Say

log = structlog.get_logger()


class Saying:
    """`connection.answers_due` counts those that are on their way."""

    __slots__ = ("_connection", "_message", "_speaker")

    def __init__(self, connection: ClientConnection, message: Say, speaker: Principal | None) -> None:
        self._connection = connection
        self._message = message
        self._speaker = speaker

    def say(self, chat: Chat) -> None:
        connection, message = self._connection, self._message
        if self._speaker is None:
            self._tell("refused", Unauthenticated())
            return
        try:
            decided = chat.say(
                self._speaker, message.show_id, message.message_id, message.text, connection.request_id
            )
        except Problem as problem:
            self._tell("refused", problem)
            return
        connection.answers_due += 1
        decided.then(self._decided)

    def _decided(self, decided: Answer[Said]) -> None:
        self._connection.answers_due -= 1
        try:
            said = decided.result()
        except StoreUnavailable as problem:
            self._tell("pending", problem)
        except Problem as problem:
            self._tell("refused", problem)
        except Exception:
            log.exception("message_failed", request_id=self._connection.request_id)
            self._tell("pending", NotDurable())
        else:
            self._tell("refused" if said.code else "said", said)

    def _tell(self, outcome: protocol.SayOutcome, said: Said | Problem) -> None:
        connection = self._connection
        result = protocol.say_result(self._message, outcome, said)
        connection.context.chat_messages.add(outcome, result.code or "")
        connection.send(protocol.encode(result))
        connection.leave_if_done()
