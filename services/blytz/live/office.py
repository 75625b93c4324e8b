"""What all sessions of one gateway process share."""

from typing import TYPE_CHECKING

from blytz.auction.service import AuctionService
from blytz.identity import Identity, Principal
from blytz.identity.bans import Bans
from blytz.kit.addresses import Addresses, is_loopback
from blytz.kit.clock import ServerClock
from blytz.kit.logs import lines
from blytz.kit.metrics import Metrics
from blytz.kit.origins import Origins
from blytz.kit.problems import RateLimited
from blytz.kit.settings import Settings
from blytz.live.hub import Hub
from blytz.live.limits import Headcount
from blytz.live.users import Places, Users

if TYPE_CHECKING:
    from blytz.live.session import Session


class Office:
    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        service: AuctionService,
        clock: ServerClock,
        hub: Hub,
        metrics: Metrics,
        bans: Bans | None = None,
        places: Places | None = None,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.bans = bans or Bans()
        self.service = service
        self.clock = clock
        self.hub = hub
        self.sessions: set[Session] = set()
        self.origins = Origins(settings.origins, loopback=settings.env == "dev")
        self.users = Users(settings.connections_per_user, places)
        self.addresses = Headcount(settings.connections_per_address)
        self._whose = Addresses(settings.trusted_proxies)
        self.beat = 0
        """Counts half heartbeats; a session notes it whenever it hears something."""
        self.malformed = metrics.counter("blytz_messages_malformed", "Messages that made no sense")
        self.limited = metrics.counter("blytz_rate_limits_hit", "Refusals for too much", "what")
        self.closed = metrics.counter("blytz_connections_closed", "Connections closed by this side", "code")
        self.logins_refused = metrics.counter("blytz_logins_refused", "Tokens that were not believed")
        self._bids = metrics.counter("blytz_bids", "Bids answered, by outcome and code", "outcome", "code")
        self._decision_s = metrics.histogram(
            "blytz_bid_decision_seconds", "From a bid's arrival here until its durable answer left"
        )
        metrics.gauge("blytz_connections", "Open WebSocket connections", lambda: len(self.sessions))

    def address_of(self, peer: object, forwarded_for: str | None) -> str | None:
        """Which address a connection counts for; None for those that are free: a socket without one, and in dev
        this machine's own."""
        if not isinstance(peer, tuple):
            return None
        client = self._whose.client(peer[0], forwarded_for)
        return None if self.settings.env == "dev" and is_loopback(client) else client

    def told(
        self, request_id: str, user: Principal | None, auction_id: str, outcome: str, code: str, seconds: float
    ) -> None:
        """A bidder was told this; `code` is empty unless the bid was refused or is pending."""
        self._bids.add(outcome, code)
        if code == RateLimited.code:
            self.limited.add("bids")
        self._decision_s.add(seconds)
        lines.bid(request_id, user.id if user else None, auction_id, outcome, code, seconds)
