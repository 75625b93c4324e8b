"""One WebSocket connection: what its client sends, and what it is sent."""

import asyncio
from collections.abc import Collection
from typing import cast

import msgspec
import structlog
from msgspec import UNSET, UnsetType
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from blytz.kit.ids import new_id
from blytz.kit.problems import Overloaded, Problem, RateLimited
from blytz.live import protocol
from blytz.live.address_slot import AddressSlot
from blytz.live.authentication import Authentication
from blytz.live.bidding import Bidding
from blytz.live.chat import Saying
from blytz.live.context import GatewayContext
from blytz.live.limits import ErrorLimit, RateLimiter
from blytz.live.protocol import Auth, Ping, PlaceBid, Say, Unwatch, Watch
from blytz.live.subscriptions import Subscriptions

log = structlog.get_logger()

MAX_MALFORMED_PER_MINUTE = 10
TOO_LONG = f"a message may have {protocol.MAX_MESSAGE_BYTES} bytes, an auth {protocol.MAX_AUTH_BYTES}"
MAX_HEADER_BYTES = 10
"""The longest header of a frame that a server sends."""
CLOSE_GRACE_S = 5.0
"""How long a closing connection may take to read what is queued and answer; then it is cut."""
TEXT, CLOSE, CONTINUATION, BINARY = WSMsgType.TEXT, WSMsgType.CLOSE, WSMsgType.CONTINUATION, WSMsgType.BINARY
PING = WSMsgType.PING


class Connection(WSListener):
    """Made by the server for each connection; `context` is what all connections of the process share."""

    __slots__ = (
        "_authentication",
        "_error_limit",
        "_parts",
        "_rate_limiter",
        "_retiring",
        "_slot",
        "_subscriptions",
        "_transport",
        "answers_due",
        "closing",
        "context",
        "received_at",
        "request_id",
    )

    def __init__(
        self, context: GatewayContext, request_id: str, slot: AddressSlot, refuse_with: int | None = None
    ) -> None:
        self.context = context
        self._slot = slot
        self._transport: WSTransport | None = None
        self._subscriptions = Subscriptions(context.hub, self)
        self._parts: bytearray | None = None
        self._rate_limiter = RateLimiter(context.message_rate)
        # Made with the first malformed message, which most clients never send.
        self._error_limit: ErrorLimit | None = None
        self.answers_due = 0
        self._retiring = False
        self._authentication: Authentication | None = None
        self.request_id = request_id
        self.closing = refuse_with
        """The close code, once there is one."""
        self.received_at = context.beat

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=self.context.settings.send_queue_bytes)
        if self.closing is not None:
            code, self.closing = self.closing, None
            if code == protocol.TOO_MANY:
                self.reject("connections", "this gateway is full", Overloaded)
            self.close(code)
            return
        if not self._slot.take(transport.underlying_transport.get_extra_info("peername")):
            self.reject("address", "too many connections from one address")
            return
        self.context.connections.add(self)
        welcome = protocol.Welcome(new_id("ses"), self.context.clock.now(), self.context.settings.heartbeat_ms)
        self.send(protocol.encode(welcome))

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows's
        self._leave()
        self.context.leaving.discard(self)
        self._transport = None
        self._slot.leave()

    def pause_writing(self) -> None:
        """Called by asyncio when more bytes are unsent than `send_queue_bytes`."""
        self.close(protocol.TOO_SLOW)

    def resume_writing(self) -> None:
        """Does nothing: `pause_writing` has closed the connection."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.received_at = self.context.beat
        kind = frame.msg_type
        if kind is CLOSE:
            self._on_close()
        elif self._retiring or self.closing is not None:
            if not self._rate_limiter.take():
                # The connection is closing, and reading more frames would take time from other connections.
                transport.underlying_transport.pause_reading()
        elif kind is TEXT and frame.fin and self._parts is None:
            if frame.payload_size > protocol.MAX_AUTH_BYTES:
                self._end_malformed(TOO_LONG)
                return
            self._receive(frame.get_payload_as_bytes())
        elif kind is TEXT or kind is CONTINUATION:
            self._on_part(frame)
        elif kind is BINARY:
            self._malformed_message("only text frames are understood")
        elif not self._rate_limiter.take():
            # A flood of pings, or of pongs, keeps the process as busy as one of messages.
            self._reject_rate()
        elif kind is PING:
            transport.send_pong(frame.get_payload_as_bytes())

    def _on_part(self, frame: WSFrame) -> None:
        """One frame of a message in several, which together may be no longer than a message in one."""
        if (frame.msg_type is CONTINUATION) != (self._parts is not None):
            self._end_malformed("a frame that does not continue the message before it")
            return
        parts = self._parts = self._parts if self._parts is not None else bytearray()
        parts += frame.get_payload_as_bytes()
        if len(parts) > protocol.MAX_AUTH_BYTES:
            self._end_malformed(TOO_LONG)
        elif frame.fin:
            self._parts = None
            self._receive(bytes(parts))
        elif not self._rate_limiter.take():
            self._reject_rate()

    def _on_close(self) -> None:
        if self._transport and self.closing is None:
            self.closing = int(WSCloseCode.OK.value)
            self._transport.send_close(WSCloseCode.OK)
        if self._transport:
            self._transport.disconnect()

    # What the client sends

    def _receive(self, text: bytes) -> None:
        if not self._rate_limiter.take():
            self._reject_rate()
            return
        try:
            said = protocol.decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if len(text) > protocol.MAX_MESSAGE_BYTES:
                self._end_malformed(TOO_LONG)
            else:
                self._malformed_message(protocol.why_malformed(error), protocol.ref_of(text))
            return
        if len(text) > protocol.MAX_MESSAGE_BYTES and not isinstance(said, Auth):
            self._end_malformed(TOO_LONG)
            return
        if not isinstance(said, list):
            self.act(said)
            return
        for number, message in enumerate(said):
            # The first one was counted with the frame.
            if number and not self._rate_limiter.take():
                self._reject_rate()
            if self.closing is not None:
                return
            self.act(message)

    def _reject_rate(self) -> None:
        self.reject("messages", "too many messages")
        # A new limiter, so that frames which are already on their way are read, up to one more burst.
        self._rate_limiter = RateLimiter(self.context.message_rate)

    def act(self, message: protocol.ClientMessage) -> None:
        if self.closing is not None or (self._authentication and self._authentication.holds(message)):
            return
        match message:
            case PlaceBid() | Say():
                self._decide(message)
            case Watch():
                self._watch(message)
            case Ping():
                self.send(protocol.encode(protocol.Pong(self.context.clock.now(), message.ref)))
            case Auth():
                self._authentication = self._authentication or Authentication(self)
                self._authentication.sign_in(message)
            case Unwatch():
                self._subscriptions.unwatch(message)

    def _watch(self, message: Watch) -> None:
        if not protocol.is_topic(message.topic):
            self.error("invalid_request", "a topic is 'auction:' or 'show:' and an id", message.ref)
        elif not self._subscriptions.watch(message, self.context.settings.most_topics):
            self.error("rate_limited", "too many topics on one connection", message.ref)

    def _decide(self, message: PlaceBid | Say) -> None:
        caller = self._authentication
        user = caller.principal if caller is not None else None
        if caller is not None and user is not None and self.context.clock.has_come(user.expires_at):
            caller.end_with_token()
        elif isinstance(message, PlaceBid):
            Bidding(self, message, user).place()
        else:
            Saying(self, message, user).say(self.context.chat)

    # What is sent to the client

    @property
    def is_connected(self) -> bool:
        return self._transport is not None

    def send(self, frame: bytes) -> None:
        if self._transport is not None and self.closing is None:
            self._transport.send(TEXT, frame)

    def error(self, code: str, detail: str, ref: str | UnsetType = UNSET) -> None:
        self.send(protocol.encode(protocol.Error(code, detail, ref)))

    def reject(self, what: str, detail: str, why: type[Problem] = RateLimited) -> None:
        """Sends an error that says that there are too many of `what`, then closes with 4429."""
        self.context.limited.add(what)
        self.send(protocol.encode(protocol.Error(why.code, detail, retry_after_ms=why.retry_after_ms or UNSET)))
        self.close(protocol.TOO_MANY)

    def ping(self) -> None:
        if self._transport is not None and self.closing is None:
            self._transport.send_ping()

    def check_caller(self) -> None:
        if self._authentication:
            self._authentication.check()

    @property
    def queued_bytes(self) -> int:
        return self._transport.underlying_transport.get_write_buffer_size() if self._transport else 0

    def can_queue(self, size: int) -> bool:
        return self.queued_bytes + size + MAX_HEADER_BYTES <= self.context.settings.send_queue_bytes

    def unsubscribed(self, topic: str) -> None:
        self._subscriptions.ended(topic)

    def follow(self, topic: str) -> bool:
        return self._subscriptions.follow(topic)

    def unfollow(self, topic: str) -> bool:
        return self._subscriptions.unfollow(topic)

    def may_read(self, readers: Collection[str]) -> bool:
        user = self._authentication.principal if self._authentication else None
        return user is not None and (user.id in readers or user.has("moderator", "admin"))

    def close(self, code: int) -> None:
        """Tell the client why, let it read what is queued for a while, then cut."""
        transport = self._transport
        if transport is None or self.closing is not None:
            return
        self.closing = code
        self.context.closed.add(str(code))
        self._leave()
        self.context.leaving.add(self)
        transport.send_close(cast("WSCloseCode", code))
        asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self.cut)

    def retire(self) -> None:
        """The process ends: no message is read any more, and once all is answered the client is disconnected."""
        self._retiring = True
        self.leave_if_done()

    def leave_if_done(self) -> None:
        if self._retiring and self.answers_due == 0:
            self.close(protocol.RESTARTING)

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _leave(self) -> None:
        self.context.connections.discard(self)
        if self._authentication:
            self._authentication.leave()
        self._subscriptions.end_all()

    def _malformed_message(self, why: str, ref: str | UnsetType = UNSET) -> None:
        self.context.malformed.add()
        self.error("invalid_request", why, ref)
        self._error_limit = self._error_limit or ErrorLimit(MAX_MALFORMED_PER_MINUTE)
        if self._error_limit.add():
            self.close(protocol.MALFORMED)

    def _end_malformed(self, why: str) -> None:
        """Sends an error that says why, then closes with 4400."""
        self.context.malformed.add()
        self.error("invalid_request", why)
        self.close(protocol.MALFORMED)
