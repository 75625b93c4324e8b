"""Bids of nobody, in rehearsals only: so that a seller sees how a show feels before anybody comes."""

import asyncio
import contextlib
from random import Random
from typing import Final

from blytz.auction.model import REHEARSAL_PREFIX, Party
from blytz.kit.problems import CorruptRecord, Overloaded, StoreUnavailable
from blytz.show.running.auctions import Auctions
from blytz.show.running.store import RunStore

MAX_AUCTIONS: Final = 50
"""That get a bid in one round."""
PAUSE_S: Final = (0.5, 2.0)
IDLE_PAUSE_S: Final = 3.0
BIDS: Final = 0.6
"""How likely an auction gets a bid in a round."""
BIDDERS: Final = tuple(
    Party(f"rehearsal_{name.lower()}", f"{name} (simulated)") for name in ("Ada", "Bo", "Cem", "Dee")
)


class RehearsalBidders:
    """Several processes may run them side by side: an auction then gets more bids."""

    def __init__(self, runs: RunStore, auctions: Auctions, chance: Random | None = None) -> None:
        self._runs = runs
        self._auctions = auctions
        self._chance = chance or Random()

    async def run(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            found = 0
            with contextlib.suppress(StoreUnavailable, Overloaded):
                found = await self.bid()
            await asyncio.sleep(self._chance.uniform(*PAUSE_S) if found else IDLE_PAUSE_S)

    async def bid(self) -> int:
        """One round; how many auctions there are. Raises `StoreUnavailable` and `Overloaded`."""
        found = await self._runs.open_runs(MAX_AUCTIONS, prefix=REHEARSAL_PREFIX)
        for run in found:
            if self._chance.random() < BIDS:
                # One that is not valid in Redis must not hold up the others; it was logged.
                with contextlib.suppress(CorruptRecord):
                    await self._auctions.bid_in_rehearsal(run.auction_id, self._chance.choice(BIDDERS))
        return len(found)
