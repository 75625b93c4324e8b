"""The engine alone: RedisStore over RedisPipe, as many bids under way as redis-benchmark has in its pipeline."""

import asyncio

from bench.jobs import EngineJob, Result
from bench.tally import Tally
from blytz.auction.model import Bid, Cause, Party, Receipt, Refused
from blytz.auction.redis.store import RedisStore, load_scripts
from blytz.kit.answer import Answer
from blytz.kit.redis.pipe import RedisPipe


async def run_engine(job: EngineJob) -> Result:
    pipe = RedisPipe(job.redis_url, "bench-engine")
    await pipe.start(timeout_s=10)
    store, tally = RedisStore(pipe, load_scripts(lambda source: job.preamble + source)), Tally()
    done = asyncio.get_running_loop().create_future()
    asked = answered = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        bidder = Party(f"usr_{asked}", "Bidder")
        # The amount stands for nothing: the line in front of the script sets it.
        bid = store.place_bid(job.auction, Bid(bidder, f"b{asked}", 1), Cause(bidder.id))
        bid.then(told)

    def told(bid: Answer[Receipt | Refused]) -> None:
        nonlocal answered
        answered += 1
        outcome = bid.result()
        tally.outcomes[outcome.outcome if isinstance(outcome, Receipt) else outcome.code.value] += 1
        if asked < job.bids:
            ask()
        elif answered == job.bids:
            done.set_result(None)

    tally.begin()
    for _ in range(job.in_flight):
        ask()
    await done
    result = tally.end()
    await pipe.close()
    return result
