"""What the runner sends to the load generator and what it gets back: one JSON document each way."""

from msgspec import Struct, field


class Target(Struct, kw_only=True):
    """The measured server: its port, and the processes whose CPU and memory are measured."""

    port: int
    pid: int
    redis_pid: int


class BidsJob(Struct, tag="bids", kw_only=True):
    """Closed loop: each bidder sends its next bid when its last one is answered. Every bid is acceptable."""

    transport: str
    """`live` (WebSocket) or `http`."""
    target: Target
    tokens: list[str]
    auctions: list[str]
    seconds: float


class FanoutJob(Struct, tag="fanout", kw_only=True):
    """`viewers` sockets watch one auction while bids are written directly to Redis at `rate` per second."""

    target: Target
    redis_url: str
    auction: str
    viewers: int
    rate: int
    seconds: float


class IdleJob(Struct, tag="idle", kw_only=True):
    """`viewers` sockets watch one auction without bids."""

    target: Target
    auction: str
    viewers: int


class PlatformJob(Struct, tag="platform", kw_only=True):
    """Open loop through nginx: `rate` bids per second on one auction that all clients watch."""

    port: int
    tokens: list[str]
    auction: str
    viewers: int
    rate: int
    seconds: float


class ChatJob(Struct, tag="chat", kw_only=True):
    """Open loop: `tokens` bid and speak in a show. They and `viewers` watch it and the auction of its open lot."""

    target: Target
    tokens: list[str]
    show: str
    auction: str
    viewers: int
    sleepers: int
    """Viewers who stop reading when the measurement begins."""
    rate: int
    """Bids per second."""
    messages_per_s: int
    seconds: float


class ReadsJob(Struct, tag="reads", kw_only=True):
    """Closed loop: each connection asks for the next path when the last answer is there."""

    target: Target
    paths: list[str]
    connections: int
    seconds: float
    metrics_port: int
    """Of the measured service, whose `/metrics` tell how many reads the database answered."""


class EngineJob(Struct, tag="engine", kw_only=True):
    """`RedisStore` alone: `in_flight` bids under way on one auction, with `preamble` put before the script."""

    redis_url: str
    auction: str
    preamble: str
    in_flight: int
    bids: int


Job = BidsJob | FanoutJob | IdleJob | PlatformJob | ChatJob | ReadsJob | EngineJob


class Result(Struct, kw_only=True):
    """The measurements of one round; each kind of job fills in a part."""

    seconds: float = 0.0
    accepted: int = 0
    other: dict[str, int] = field(default_factory=dict)
    """How many bids or reads had each other outcome, status or problem code."""
    server_cpu_s: float = 0.0
    redis_cpu_s: float = 0.0
    nginx_cpu_s: float = 0.0
    """Warm-up included."""
    others_cpu_s: float = 0.0
    """CPU time of unrelated processes on this machine: noise. 0 where not all of our processes are known."""
    load_cpu_s: float = 0.0
    """When this comes near `seconds`, the load generator was the bottleneck."""
    ack_ms: dict[str, float] = field(default_factory=dict)
    """Percentiles: p50, p95, p99."""
    fanout_ms: dict[str, float] = field(default_factory=dict)
    delivered: int = 0
    messages: int = 0
    """Chat messages that were delivered, of `delivered`."""
    frames: int = 0
    slow_closed: int = 0
    """Of the viewers who do not read."""
    gaps: int = 0
    closed: int = 0
    """Connections that the server closed."""
    from_database: int = 0
    """Reads of the catalogue that its database answered."""
    received_bytes: int = 0
    """Of the bodies of answers."""
    rss_before: int = 0
    rss_after: int = 0
