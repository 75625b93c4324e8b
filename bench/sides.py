"""The two sides of a comparison, Blytz and its Go peer: each runs on the server's core, both use one Redis."""

import shutil
import subprocess
from pathlib import Path
from typing import Literal

from msgspec import Struct

import blytz.auction.redis
from bench.machine import BIN, ROOT, SERVER_CORE, Process
from infra.ports import free_port

PEER = ROOT / "bench" / "peers" / "gin"
LUA = Path(blytz.auction.redis.__file__).parent / "lua"
Transport = Literal["live", "http"]


class Peer(Struct, frozen=True):
    """The variant of the peer; bench/README.md explains them."""

    redis: Literal["pool", "autopipeline"] = "pool"
    fanout: Literal["prepared", "joined"] = "prepared"


class Side(Struct, frozen=True):
    """A running server."""

    name: str
    process: Process
    port: int


def start_blytz(transport: Transport, redis_url: str, folder: Path) -> Side:
    port = free_port()
    env = {
        "REDIS_URL": redis_url,
        "BLYTZ_ENV": "dev",
        "BLYTZ_DATA": str(folder),
        "BLYTZ_LIVE_PORT" if transport == "live" else "BLYTZ_AUCTION_PORT": str(port),
        # Fifty connections do the work of thousands of bidders here, so the limits of one bidder are lifted.
        # The peer logs no line per bid, so Blytz does not either.
        "BLYTZ_LOG_DECISIONS": "0",
        "BLYTZ_MESSAGES_PER_S": "1000000",
        "BLYTZ_BIDS_PER_S": "1000000",
        "BLYTZ_BIDS_BURST": "1000000",
        "BLYTZ_CHAT_PER_S": "1000000",
        "BLYTZ_CHAT_BURST": "1000000",
        "BLYTZ_WRITES_PER_S": "1000000",
        "BLYTZ_WRITES_BURST": "1000000",
        "BLYTZ_STORED_BYTES_PER_DAY": "1000000000000",
    }
    service = "live" if transport == "live" else "auction"
    process = Process(
        f"blytz-{service}", [BIN / "blytz", "serve", service], core=SERVER_CORE, folder=folder, env=env
    )
    return _ready(Side("blytz", process, port))


def build_peer() -> str | None:
    """Returns None, or why there is no peer."""
    if shutil.which("go") is None:
        return "Go not found: peer skipped"
    built = subprocess.run(
        ["go", "build", "-o", "bin/peer", "."], cwd=PEER, capture_output=True, text=True, check=False
    )
    if built.returncode:
        return f"the Go peer does not build: peer skipped\n{built.stderr.strip()[-600:]}"
    return None


def start_peer(redis_url: str, folder: Path, peer: Peer) -> Side:
    port = free_port()
    env = {
        "REDIS_URL": redis_url,
        "BLYTZ_DATA": str(folder),
        "BLYTZ_LUA": str(LUA),
        "PEER_PORT": str(port),
        "PEER_REDIS": peer.redis,
        "PEER_FANOUT": peer.fanout,
    }
    process = Process("peer", [PEER / "bin" / "peer"], core=SERVER_CORE, folder=folder, env=env)
    return _ready(Side("gin", process, port))


def _ready(side: Side) -> Side:
    side.process.wait_for(f"http://127.0.0.1:{side.port}/health")
    return side
