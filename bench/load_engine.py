"""The engine alone: RedisStore over RedisPipe, as many bids under way as in redis-benchmark's pipeline."""

import asyncio

from bench.jobs import EngineJob, Result
from bench.tally import Tally
from blytz.auction.model import Bid, Cause, Party, Receipt, Refused
from blytz.auction.redis.scripts import load_scripts
from blytz.auction.redis.store import RedisStore
from blytz.kit.answer import Answer
from blytz.kit.redis.pipe import RedisPipe


async def run_engine(job: EngineJob) -> Result:
    pipe = RedisPipe(job.redis_url, "bench-engine")
    await pipe.start(timeout_s=10)
    store, tally = RedisStore(pipe, load_scripts(lambda source: job.preamble + source)), Tally()
    done = asyncio.get_running_loop().create_future()
    sent = answered = 0

    def send() -> None:
        nonlocal sent
        sent += 1
        bidder = Party(f"usr_{sent}", "Bidder")
        # The preamble of the script replaces this amount.
        bid = store.place_bid(job.auction, Bid(bidder, f"b{sent}", 1), Cause(bidder.id))
        bid.then(on_result)

    def on_result(bid: Answer[Receipt | Refused]) -> None:
        nonlocal answered
        answered += 1
        outcome = bid.result()
        tally.outcomes[outcome.outcome if isinstance(outcome, Receipt) else outcome.code.value] += 1
        if sent < job.bids:
            send()
        elif answered == job.bids:
            done.set_result(None)

    tally.begin()
    for _ in range(job.in_flight):
        send()
    await done
    result = tally.end()
    await pipe.close()
    return result
