"""`python -m bench`: measures every figure and prints one table."""

import argparse
import datetime as dt
import os
import shutil
import sys
from collections.abc import Callable

from msgspec.structs import replace

from bench.catalogue import catalogue
from bench.chat import chat
from bench.machine import describe
from bench.rounds import QUICK, Plan, Row
from bench.scenarios import fanout, http_bids, idle, websocket_bids
from bench.sides import Peer, build_peer
from bench.table import table
from bench.without_peer import engine, platform
from blytz.kit.open_files import raise_open_files

Scenario = Callable[[Plan, Peer | None], list[Row]]
SCENARIOS: dict[str, Scenario] = {
    "websocket": websocket_bids,
    "http": http_bids,
    "fanout-60": fanout(60, at_most=0.9),
    "fanout-300": fanout(300, at_most=0.3),
    "platform": platform,
    "catalogue": catalogue,
    "chat": chat,
    "idle": idle,
    "engine": engine,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=SCENARIOS, metavar="NAME", help=f"one of {', '.join(SCENARIOS)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="short rounds: a rough impression, no figures to publish"
    )
    parser.add_argument(
        "--peer-redis",
        choices=("pool", "autopipeline"),
        default="pool",
        help="how the Go peer calls Redis (default: its connection pool)",
    )
    parser.add_argument(
        "--peer-fanout",
        choices=("prepared", "joined"),
        default="prepared",
        help="one prepared frame per event (default), or all events queued for a client in one frame",
    )
    parser.add_argument(
        "--chat-viewers", type=int, default=Plan().chat_viewers, help="viewers of the show (default: %(default)s)"
    )
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    missing = [name for name in ("redis-server", "redis-benchmark", "taskset") if shutil.which(name) is None]
    if missing or (os.cpu_count() or 1) < 2:
        print(f"bench needs two cores and {', '.join(missing) or 'nothing else'}", file=sys.stderr)
        return 2
    no_peer = build_peer()
    if no_peer:
        print(no_peer, file=sys.stderr)
    peer = None if no_peer else Peer(redis=arguments.peer_redis, fanout=arguments.peer_fanout)
    raise_open_files()

    plan = replace(QUICK if arguments.quick else Plan(), chat_viewers=arguments.chat_viewers)
    rows: list[Row] = []
    failed = False
    for name in arguments.only or SCENARIOS:
        print(f"{name}", file=sys.stderr, flush=True)
        try:
            rows += SCENARIOS[name](plan, peer)
        except RuntimeError as error:
            failed = True
            print(f"  {name} could not be measured: {error}", file=sys.stderr, flush=True)
    today = dt.datetime.now(tz=dt.UTC).date()
    print(f"\n{today}, {describe()}{', quick' if arguments.quick else ''}\n\n{table(rows)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
