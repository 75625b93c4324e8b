"""The load generator process: reads one job as JSON on stdin, writes its result as JSON on stdout."""

import sys

import msgspec
import uvloop

from bench.jobs import BidsJob, ChatJob, EngineJob, FanoutJob, IdleJob, Job, PlatformJob, ReadsJob, Result
from bench.load_bids import run_bids
from bench.load_chat import run_chat
from bench.load_engine import run_engine
from bench.load_platform import run_platform
from bench.load_reads import run_reads
from bench.load_viewers import run_fanout, run_idle


async def run(job: Job) -> Result:
    match job:
        case BidsJob():
            return await run_bids(job)
        case FanoutJob():
            return await run_fanout(job)
        case IdleJob():
            return await run_idle(job)
        case PlatformJob():
            return await run_platform(job)
        case ChatJob():
            return await run_chat(job)
        case ReadsJob():
            return await run_reads(job)
        case EngineJob():
            return await run_engine(job)


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    result = uvloop.run(run(job))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
