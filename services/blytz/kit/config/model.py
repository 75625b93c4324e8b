"""Every setting of the services, read from the environment once, at start. `kit/config/gateway.py` has those of
the gateway, `kit/config/environment.py` the variables of commands and scripts.

`make specs` writes `specs/settings.md` from these. What production refuses: `kit/config/checks.py`.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from blytz.kit.config.fields import Port, Secret, Texts, TextsOrNone

PREFIX: Final = "BLYTZ_"
FOREIGN_NAMES: Final = {
    "redis_url": "REDIS_URL",
    "database_url": "DATABASE_URL",
    "firebase_auth_emulator_host": "FIREBASE_AUTH_EMULATOR_HOST",
    "livekit_url": "LIVEKIT_URL",
    "livekit_api_key": "LIVEKIT_API_KEY",
    "livekit_api_secret": "LIVEKIT_API_SECRET",
}
"""Fields whose variable has the name that other programs use."""

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Bytes = Annotated[int, Meta(ge=1_024, le=1_073_741_824)]
Milliseconds = Annotated[int, Meta(ge=100, le=86_400_000)]
LongMilliseconds = Annotated[int, Meta(ge=1_000, le=315_360_000_000)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Settings(Struct, frozen=True, kw_only=True):
    """`BLYTZ_<NAME>` for each field, except those of `FOREIGN_NAMES`; `<VARIABLE>_FILE` names a file that holds
    the value. No default is a secret."""

    env: Literal["production", "test", "dev"] = "production"
    """Only `dev` has the dev issuer and its sign-in."""
    redis_url: Secret = "redis://127.0.0.1:6379/0"
    """`redis://`, `rediss://` (TLS) or `unix://`, with user and password; in production only `unix://` may have no
    password, because file permissions protect the socket. Options: `?db=`, `ssl_ca_certs`, `ssl_certfile`,
    `ssl_keyfile`."""
    database_url: Secret = ""
    """`postgresql://user:password@host:port/database`, or `?host=` with the folder of a unix socket; `?ssl=` as
    `verify-full`. Empty: SQLite files in the data folder."""
    redis_maxmemory_mib: Annotated[int, Meta(ge=0, le=1_048_576)] = 0
    """The `maxmemory` of the Redis that `blytz up` starts, in MiB; 0 is a quarter of the machine's memory. A Redis
    of your own has it in its `redis.conf`."""
    data: Path = Path("var/blytz")
    """Folder of the SQLite files, of the dev key and, under `blytz up`, of Redis and nginx."""
    firebase_project: str = ""
    """The id of the Firebase project whose users sign in here."""
    oidc_issuers: Texts = ()
    """OpenID Connect issuers, each with the audience of its tokens: `https://login.example.com=audience`."""
    roles_claim: str = "roles"
    """The claim of a token that lists `bidder`, `seller`, `moderator`, `admin`; a dot separates nested claims. A
    user without this claim is a bidder."""
    firebase_keys_url: str = ""
    """URL of Firebase's public keys, where it is not Google's."""
    firebase_auth_emulator_host: str = ""
    """`HOST:PORT`. When set, the unsigned tokens of Firebase's emulator are accepted instead of real ones;
    production refuses it."""
    livekit_url: str = ""
    """Where clients and services reach LiveKit: `wss://video.example.com`. Empty: shows have no video."""
    livekit_api_key: str = ""
    """The name of the key that Blytz signs with, as in LiveKit's `keys`."""
    livekit_api_secret: Secret = ""
    """The secret of that key, of 32 characters or more."""
    images_bucket: str = ""
    """The S3 bucket in which uploaded images are stored. It needs one of its own, which everybody may read. Empty:
    the folder `images` of the data folder."""
    images_endpoint: str = ""
    """Where this S3 answers: `https://s3.example.com`. Empty: Amazon's, in the region."""
    images_region: str = "us-east-1"
    """The region of the bucket, as its S3 names it."""
    images_key_id: str = ""
    """The id of a key that may put and get objects of the bucket."""
    images_secret_key: Secret = ""
    """The secret of that key."""
    images_path_style: bool = True
    """Whether the bucket stands in the path of addresses, which every S3 takes but new ones of a few providers;
    `false`: in front of the name of the host."""
    host: str = "127.0.0.1"
    """The address on which services listen. Only nginx and the operator should be able to reach it."""
    auction_port: Port = 8080
    """HTTP, and `/health`, `/ready` and `/metrics`."""
    live_port: Port = 8081
    """WebSocket, and `/health`, `/ready` and `/metrics`."""
    hammer_port: Port = 8084
    """Only `/health`, `/ready` and `/metrics`."""
    origins: Texts = ()
    """Exact origins whose pages may open a WebSocket and read HTTP answers. In dev also every loopback origin."""
    public_url: str = ""
    """The public address of the platform: `https://bid.example.com`. `blytz doctor` checks its certificate."""
    replicas: Annotated[int, Meta(ge=0, le=16)] = 0
    """How many replicas must have a bid before its bidder is answered (WAIT)."""
    log: Literal["auto", "json", "console"] = "auto"
    """`auto` is JSON, or console in a terminal."""
    log_requests: bool = True
    """Log one line for each HTTP request, except `/health`, `/ready`, `/metrics` and bids."""
    log_decisions: Share = 1.0
    """The share of bids whose decision is logged: 1 all, 0 none, 0.01 every hundredth."""
    bids_in_flight: Count = 2_048
    """Unanswered commands to Redis per process; past this, bids are refused with `overloaded`."""
    bids_per_s: Count = 10
    """Per user, over HTTP, WebSocket and all processes together; past this and the burst, `rate_limited`."""
    bids_burst: Count = 20
    """Bids of a user at once, after a pause."""
    chat_per_s: Count = 2
    """Per user, over all processes: messages in the chats of shows; past this and the burst, `rate_limited`."""
    chat_burst: Count = 5
    """Chat messages of a user at once, after a pause."""
    writes_per_s: Count = 5
    """Per user, over all processes: HTTP calls that change something, bids excepted."""
    writes_burst: Count = 50
    """Writes of a user at once, after a pause."""
    stored_bytes_per_day: Annotated[int, Meta(ge=100_000, le=1_000_000_000_000)] = 50_000_000
    """How many bytes one user's bids, writes and images may store in 24 hours, over all processes; a fifth of them
    at once. Past this, `rate_limited`."""
    keep_closed_ms: LongMilliseconds = 600_000
    """Redis lets go of an archived auction this long after it closed: 600,000 is 10 minutes."""
    keep_closed: Count = 10_000
    """The largest number of archived auctions that Redis holds; past it the oldest are let go early."""
    most_connections: Count = 20_000
    """Per process; past this a WebSocket is closed with 4429, and an HTTP connection gets one answer,
    `overloaded`."""
    connections_per_user: Count = 20
    """WebSockets of a signed-in user, over all gateways together; past this the newest is closed with 4429."""
    connections_per_address: Count = 1_000
    """WebSockets per gateway process; an IPv6 /64 network counts as one address. Past this, closed with 4429. In
    dev loopback is not limited."""
    trusted_proxies: TextsOrNone = ("127.0.0.1", "::1")
    """Addresses or networks of proxies whose `X-Forwarded-For` is trusted: those of nginx."""
    messages_per_s: Count = 50
    """Per connection, with a burst of twice as many; past this the connection is closed with 4429."""
    most_topics: Count = 100
    """Topics that one connection may watch at once."""
    send_queue_bytes: Bytes = 262_144
    """Unsent bytes per connection; past this it is closed with 4408."""
    send_queues_bytes: Bytes = 268_435_456
    """Unsent bytes of all connections of a process together, checked twice a second; past this those with the most
    are disconnected."""
    heartbeat_ms: Milliseconds = 20_000
    """A client that is silent for this long is pinged; after twice as long it is disconnected."""


def variable(field: str) -> str:
    """The name of the variable that sets this field."""
    return FOREIGN_NAMES.get(field, PREFIX + field.upper())
