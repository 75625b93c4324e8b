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


class EngineJob(Struct, tag="engine", kw_only=True):
    """`RedisStore` alone: `in_flight` bids under way on one auction, with `preamble` put before the script."""

    redis_url: str
    auction: str
    preamble: str
    in_flight: int
    bids: int


Job = BidsJob | FanoutJob | IdleJob | PlatformJob | EngineJob


class Result(Struct, kw_only=True):
    """The measurements of one round; each kind of job fills in a part."""

    seconds: float = 0.0
    accepted: int = 0
    other: dict[str, int] = field(default_factory=dict)
    """How many bids had each other outcome or problem code."""
    server_cpu_s: float = 0.0
    redis_cpu_s: float = 0.0
    others_cpu_s: float = 0.0
    """CPU time of unrelated processes on this machine: noise. 0 where not all of our processes are known."""
    load_cpu_s: float = 0.0
    """When this comes near `seconds`, the load generator was the bottleneck."""
    ack_ms: dict[str, float] = field(default_factory=dict)
    """Percentiles: p50, p95, p99."""
    fanout_ms: dict[str, float] = field(default_factory=dict)
    delivered: int = 0
    gaps: int = 0
    closed: int = 0
    """Connections that the server closed."""
    rss_before: int = 0
    rss_after: int = 0
