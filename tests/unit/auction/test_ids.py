"""Invalid auction ids."""

import gc
import tracemalloc

from blytz.auction.service import AuctionService
from blytz.kit.problems import NotFound
from tests.support.memory_store import MemoryStore

LONG = 16_000
"""About as much as nginx lets through in one address, signed in or not."""
MANY = 200


async def test_long_invalid_ids_are_not_cached() -> None:
    service = AuctionService(MemoryStore())
    tracemalloc.start()
    try:
        for number in range(MANY):
            try:
                await service.get(f"{number:0{LONG}}", None)
            except NotFound:
                continue
            raise AssertionError("this is no id")
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < MANY * LONG / 10
