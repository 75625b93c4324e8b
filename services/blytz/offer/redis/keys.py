"""The names of everything that offers have in Redis. Every key of an offer carries its id as hash tag."""

from functools import lru_cache
from typing import Final

OPEN_OFFERS: Final = "{sales}:offers"
"""Hash: offers that have purchases to come or to pass on to `sales` -> the `seq` up to which that is done."""


class Keys:
    """The keys of one offer, in the order in which scripts take them."""

    def __init__(self, offer_id: str) -> None:
        root = f"offer:{{{offer_id}}}"
        self.state = root.encode()
        self.events = f"{root}:events".encode()
        self.feed = f"{root}:feed".encode()
        self.purchases = f"{root}:purchases".encode()
        self.bought = f"{root}:bought".encode()
        self.bidders = f"{root}:bidders".encode()
        self.stored = (self.state, self.events, self.purchases, self.bought, self.bidders)
        """All keys of this offer; `feed` is a channel."""
        self.of_verb = (self.state, self.events, self.feed)
        self.of_purchase = (*self.of_verb, self.purchases, self.bought, self.bidders)
        self._root = root

    def of_operation(self, operation_id: str) -> bytes:
        """That a change was done; expires by itself."""
        return f"{self._root}:operation:{operation_id}".encode()


keys_of = lru_cache(maxsize=4_096)(Keys)
