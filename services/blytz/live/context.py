"""What all connections of one gateway process share."""

from typing import Protocol

from msgspec import UNSET, UnsetType

from blytz.auction.service import AuctionService
from blytz.identity import Identity, Principal
from blytz.identity.bans import Bans
from blytz.kit.addresses import Addresses, is_loopback
from blytz.kit.answer import Answer
from blytz.kit.chat import Said
from blytz.kit.clock import ServerClock
from blytz.kit.config.model import Settings
from blytz.kit.http.origins import Origins
from blytz.kit.problems import RateLimited
from blytz.kit.ratelimit.gcra import Gcra
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.limits import ConnectionLimit
from blytz.live.protocol import ClientMessage
from blytz.live.topics.hub import Hub
from blytz.live.user_connections import SharedCounts, UserConnections


class Chat(Protocol):
    def say(self, speaker: Principal, show_id: str, message_id: str, text: str, request_id: str) -> Answer[Said]:
        """Decide one message; the answer comes once it is durable. The call and its answer raise `Problem`."""


class NoChat:
    """Of a gateway that knows no shows."""

    def say(self, *_: object) -> Answer[Said]:
        return Answer.of(Said("show_not_found"))


class ClientConnection(Protocol):
    """One WebSocket client, as everything else in the gateway sees it (`connection.py`)."""

    context: "GatewayContext"
    request_id: str
    answers_due: int
    """Bids and chat messages that are being decided."""
    closing: int | None
    """The close code, once there is one."""
    received_at: int
    """The heartbeat in which something was last received."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def queued_bytes(self) -> int:
        """What was sent and waits in the memory of this process."""

    def act(self, message: ClientMessage) -> None: ...

    def send(self, frame: bytes) -> None: ...

    def error(self, code: str, detail: str, ref: str | UnsetType = UNSET) -> None: ...

    def reject(self, what: str, detail: str) -> None: ...

    def ping(self) -> None: ...

    def check_caller(self) -> None: ...

    def close(self, code: int) -> None: ...

    def retire(self) -> None: ...

    def leave_if_done(self) -> None: ...

    def cut(self) -> None: ...


class GatewayContext:
    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        service: AuctionService,
        clock: ServerClock,
        hub: Hub,
        metrics: Metrics,
        bans: Bans | None = None,
        shared_counts: SharedCounts | None = None,
        chat: Chat | None = None,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.bans = bans or Bans()
        self.service = service
        self.chat = chat or NoChat()
        self.clock = clock
        self.hub = hub
        self.connections: set[ClientConnection] = set()
        self.leaving: set[ClientConnection] = set()
        """Those that are closed and may still read what is queued for them."""
        self.origins = Origins(settings.origins, loopback=settings.env == "dev")
        self.users = UserConnections(settings.connections_per_user, shared_counts)
        self.addresses = ConnectionLimit(settings.connections_per_address)
        # Two seconds' worth of messages may come at once.
        self.message_rate = Gcra(settings.messages_per_s, 2 * settings.messages_per_s)
        self._client_addresses = Addresses(settings.trusted_proxies)
        self.beat = 0
        """Number of half heartbeats so far; a connection keeps the number of its last frame."""
        self.malformed = metrics.counter("blytz_messages_malformed", "Messages that made no sense")
        self.limited = metrics.counter("blytz_rate_limits_hit", "Refusals for too much", "what")
        self.closed = metrics.counter("blytz_connections_closed", "Connections closed by this side", "code")
        self.logins_refused = metrics.counter("blytz_logins_refused", "Tokens that were refused")
        self._bids = metrics.counter("blytz_bids", "Bids answered, by outcome and code", "outcome", "code")
        self.chat_messages = metrics.counter(
            "blytz_chat_messages", "Chat messages answered, by outcome and code", "outcome", "code"
        )
        self._decision_s = metrics.histogram(
            "blytz_bid_decision_seconds", "From a bid's arrival here until its durable answer left"
        )
        metrics.gauge("blytz_connections", "Open WebSocket connections", lambda: len(self.connections))

    def address_of(self, peer: object, forwarded_for: str | None) -> str | None:
        """The address whose limit a connection counts against. None for no limit: a socket without an address, and
        in dev this machine itself."""
        if not isinstance(peer, tuple):
            return None
        client = self._client_addresses.client(peer[0], forwarded_for)
        return None if self.settings.env == "dev" and is_loopback(client) else client

    def answered(
        self, request_id: str, user: Principal | None, auction_id: str, outcome: str, code: str, seconds: float
    ) -> None:
        """Count an answer to a bidder; `code` is empty unless the bid was refused or is pending."""
        self._bids.add(outcome, code)
        if code == RateLimited.code:
            self.limited.add("bids")
        self._decision_s.add(seconds)
        lines.bid(request_id, user.id if user else None, auction_id, outcome, code, seconds)
