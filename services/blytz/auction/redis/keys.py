"""The names of everything that auctions have in Redis.

Every key of an auction carries its id as hash tag, so that one script may touch them all on a cluster.
"""

from functools import lru_cache
from typing import Final

INDEX: Final = "auctions"
"""Sorted set of all auction ids; they are ordered by time, so it is too."""
SALES: Final = "sales"
"""Stream of closing events, for the service that makes orders."""
SCHEDULE: Final = "{sales}:schedule"
"""Sorted set: living auctions by when the hammer should look at them, ms since the Unix epoch. It may be stale."""
CLOSED: Final = "{sales}:closed"
"""Sorted set: closed auctions that are to be archived, by when they were passed on to `sales`, or by when to try
again, ms since the Unix epoch."""
ARCHIVED: Final = "{sales}:archived"
"""Sorted set: archived auctions that Redis still holds, by when they closed, ms since the Unix epoch."""
HEARTBEAT: Final = "{sales}:heartbeat"
"""Hash: the last sign of life of Redis and a hammer, and the last outage."""


class Keys:
    """The keys of one auction, in the order in which scripts take them."""

    def __init__(self, auction_id: str) -> None:
        root = f"auction:{{{auction_id}}}"
        self.state = root.encode()
        self.events = f"{root}:events".encode()
        self.feed = f"{root}:feed".encode()
        self.bids = f"{root}:bids".encode()
        self.bidders = f"{root}:bidders".encode()
        self.viewers = f"{root}:viewers".encode()
        self.stored = (self.state, self.events, self.bids, self.bidders, self.viewers)
        """All keys of this auction, the state first; `feed` is a channel."""
        self.of_verb = (self.state, self.events, self.feed)
        self.of_bid = (*self.of_verb, self.bids, self.bidders)
        self._root = root

    def of_operation(self, operation_id: str) -> bytes:
        """The answer to a request with an Idempotency-Key; expires by itself."""
        return f"{self._root}:operation:{operation_id}".encode()


keys_of = lru_cache(maxsize=4_096)(Keys)


def bid_keys_of(auction_id: str) -> tuple[bytes, ...]:
    return keys_of(auction_id).of_bid
