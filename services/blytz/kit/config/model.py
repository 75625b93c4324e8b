"""Every setting of the services, read from the environment once at start; `kit/config/gateway.py` has the
gateway's, `kit/config/environment.py` the variables of commands and scripts.

`specs/settings.md` is made from these by `make specs`; `kit/config/checks.py` says what production refuses.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from blytz.kit.config.fields import Port, Secret, Texts, TextsOrNone

PREFIX: Final = "BLYTZ_"
FOREIGN_NAMES: Final = {
    "redis_url": "REDIS_URL",
    "firebase_auth_emulator_host": "FIREBASE_AUTH_EMULATOR_HOST",
}
"""Fields whose variable has a name that other programs know it by."""

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Bytes = Annotated[int, Meta(ge=1_024, le=1_073_741_824)]
Milliseconds = Annotated[int, Meta(ge=100, le=86_400_000)]
LongMilliseconds = Annotated[int, Meta(ge=1_000, le=315_360_000_000)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Settings(Struct, frozen=True, kw_only=True):
    """`BLYTZ_<NAME>` for each field, except those of `FOREIGN_NAMES`; with `_FILE` behind the name, a file
    that holds the value. Nothing here has a secret as its default."""

    env: Literal["production", "test", "dev"] = "production"
    """`dev` alone has the dev issuer and its sign-in."""
    redis_url: Secret = "redis://127.0.0.1:6379/0"
    """`redis://`, `rediss://` (TLS) or `unix://`, with user and password: in production `unix://` alone may do
    without, as the rights of its file guard it. Of options it may carry `?db=`, `ssl_ca_certs`, `ssl_certfile` and
    `ssl_keyfile`."""
    redis_maxmemory_mib: Annotated[int, Meta(ge=0, le=1_048_576)] = 0
    """The `maxmemory` of the Redis that `blytz up` starts, in MiB; 0 is a quarter of the machine's memory. A Redis
    of your own has it in its `redis.conf`."""
    data: Path = Path("var/blytz")
    """Where the dev key, and under `blytz up` Redis, keep their files."""
    firebase_project: str = ""
    """The id of the Firebase project whose users sign in here."""
    oidc_issuers: Texts = ()
    """OpenID Connect issuers and who their tokens must be for: `https://login.example.com=audience`."""
    roles_claim: str = "roles"
    """The claim of a token that lists `bidder`, `seller`, `moderator`, `admin`; dots lead into nested claims. Who
    has no such claim is a bidder."""
    firebase_keys_url: str = ""
    """Another place for the keys of Firebase than Google's."""
    firebase_auth_emulator_host: str = ""
    """`HOST:PORT`. Set, the unsigned tokens of Firebase's emulator are believed instead of real ones; production
    refuses it."""
    host: str = "127.0.0.1"
    """The address on which services listen. Only nginx and the operator should reach it."""
    auction_port: Port = 8080
    """HTTP, and `/health`, `/ready` and `/metrics`."""
    live_port: Port = 8081
    """WebSocket, and `/health`, `/ready` and `/metrics`."""
    hammer_port: Port = 8084
    """Only `/health`, `/ready` and `/metrics`."""
    origins: Texts = ()
    """Exact origins whose pages may open a socket. In dev every loopback origin may as well."""
    public_url: str = ""
    """Where everybody reaches the platform: `https://bid.example.com`. `blytz doctor` looks at its certificate."""
    replicas: Annotated[int, Meta(ge=0, le=16)] = 0
    """How many replicas must hold a bid before its bidder is answered (WAIT)."""
    log: Literal["auto", "json", "console"] = "auto"
    """`auto` is JSON unless a person watches the terminal."""
    log_requests: bool = True
    """One line for each HTTP request, except `/health`, `/ready`, `/metrics` and bids."""
    log_decisions: Share = 1.0
    """The share of bids whose decision gets a line of its own: 1 all, 0 none, 0.01 every hundredth."""
    bids_in_flight: Count = 2_048
    """Per process; past it bids are refused with `overloaded`."""
    bids_per_s: Count = 10
    """Per user, over HTTP and WebSocket and all processes together; past it and the burst `rate_limited`."""
    bids_burst: Count = 20
    """So many at once, for a user who has been quiet."""
    writes_per_s: Count = 5
    """Per user and over all processes: every signed-in HTTP call that changes something and is no bid."""
    writes_burst: Count = 50
    """So many at once, for a user who has been quiet."""
    stored_bytes_per_day: Annotated[int, Meta(ge=100_000, le=1_000_000_000_000)] = 50_000_000
    """What the bids and writes of one user may take up in Redis within 24 hours, over all processes; a fifth of it
    at once. Past it `rate_limited`."""
    keep_closed_ms: LongMilliseconds = 604_800_000
    """A closed auction is deleted this long after it ended; 604,800,000 is 7 days."""
    keep_closed: Count = 10_000
    """So many closed auctions are kept, the newest ones; older ones are deleted before their time."""
    most_connections: Count = 20_000
    """Per process; past it a connection is closed with 4429, and one over HTTP gets one answer, `overloaded`."""
    connections_per_user: Count = 20
    """Signed in, over all gateways together; past it the newest is closed with 4429."""
    connections_per_address: Count = 1_000
    """Per gateway process, an IPv6 network of 64 bits counting as one; past it closed with 4429. In dev loopback
    is free."""
    trusted_proxies: TextsOrNone = ("127.0.0.1", "::1")
    """Addresses or networks whose `X-Forwarded-For` is believed: those of nginx."""
    messages_per_s: Count = 50
    """Per connection, with a burst of twice as many; past it the connection is closed with 4429."""
    most_topics: Count = 100
    """Watched by one connection at once."""
    send_queue_bytes: Bytes = 262_144
    """Per connection; a reader further behind is closed with 4408."""
    heartbeat_ms: Milliseconds = 20_000
    """A client that is silent for as long is pinged; for twice as long, cut."""


def variable(field: str) -> str:
    """The name of the variable that sets this field."""
    return FOREIGN_NAMES.get(field, PREFIX + field.upper())
