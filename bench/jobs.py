"""What the runner asks of the load generator, and what it is told: one JSON document each way."""

from msgspec import Struct, field


class Target(Struct, kw_only=True):
    """The server that is measured: where it listens, and the processes whose CPU and memory count."""

    port: int
    pid: int
    redis_pid: int


class BidsJob(Struct, tag="bids", kw_only=True):
    """Closed loop: each bidder sends its next bid when the last one is answered. Every bid is acceptable."""

    door: str
    """`live` (WebSocket) or `http`."""
    target: Target
    tokens: list[str]
    auctions: list[str]
    seconds: float
    warm_up_s: float = 1.0


class FanoutJob(Struct, tag="fanout", kw_only=True):
    """`viewers` sockets watch one auction while bids are put straight into Redis at `rate` a second."""

    target: Target
    redis_url: str
    auction: str
    viewers: int
    rate: int
    seconds: float
    warm_up_s: float = 1.0


class IdleJob(Struct, tag="idle", kw_only=True):
    """`viewers` sockets watch one auction in which nothing happens."""

    target: Target
    auction: str
    viewers: int
    settle_s: float = 3.0


class PlatformJob(Struct, tag="platform", kw_only=True):
    """Open loop through nginx: `rate` bids a second on one auction that everybody watches."""

    port: int
    tokens: list[str]
    auction: str
    viewers: int
    rate: int
    seconds: float
    warm_up_s: float = 3.0


class EngineJob(Struct, tag="engine", kw_only=True):
    """`RedisStore` alone, `in_flight` bids at any time on one auction, with the script that the runner edited."""

    redis_url: str
    auction: str
    preamble: str
    in_flight: int
    bids: int


Job = BidsJob | FanoutJob | IdleJob | PlatformJob | EngineJob


class Result(Struct, kw_only=True):
    """What one round measured; a job fills in what it knows."""

    seconds: float = 0.0
    accepted: int = 0
    other: dict[str, int] = field(default_factory=dict)
    """Every other outcome of a bid, by its word."""
    server_cpu_s: float = 0.0
    redis_cpu_s: float = 0.0
    others_cpu_s: float = 0.0
    """Work of the machine that was nobody's of ours, where all of ours are known: the noise."""
    load_cpu_s: float = 0.0
    """Near `seconds`, the load generator itself was the limit."""
    ack_ms: dict[str, float] = field(default_factory=dict)
    """Percentiles: p50, p95, p99."""
    fanout_ms: dict[str, float] = field(default_factory=dict)
    delivered: int = 0
    gaps: int = 0
    closed: int = 0
    """Connections that the server ended."""
    rss_before: int = 0
    rss_after: int = 0
