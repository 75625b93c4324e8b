"""What a simulation is asked to do, within which bounds, and what it found."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from blytz.kit.addresses import is_loopback
from blytz.kit.user_error import UserError
from blytz.simulate.latency import Percentiles
from blytz.simulate.load_bidders import CROWD, Weights

MAX_BIDDERS: Final = 2_000
MAX_VIEWERS: Final = 50_000
MAX_RATE: Final = 5_000.0
MAX_SECONDS: Final = 3_600.0
MAX_BIDS_PER_BIDDER: Final = 8
"""A second; the platform takes 10 of one user, and bids do not come evenly."""
MAX_SOCKETS_PER_ADDRESS: Final = 20_000
SPARE_FILES: Final = 200


class Plan(Struct, frozen=True, kw_only=True):
    url: str
    bidders: int = 10
    viewers: int = 100
    rate: float = 20.0
    """Bids a second, of all bidders together."""
    seconds: float = 10.0
    auction: str | None = None
    """An auction that runs already; None opens one, and hammers it at the end."""
    manners: Weights = CROWD
    seed: int | None = None


class Result(Struct, frozen=True, kw_only=True):
    """Delays in milliseconds. `ok` is False when any viewer had a gap or did not see the end."""

    ok: bool
    auction_id: str
    seconds: float
    bidders: int
    viewers: int
    sent: int
    unsent: int
    """Due, but not sent: too many bids were without an answer."""
    outcomes: dict[str, int]
    """By outcome; refusals by code, as `refused: bid_too_low`."""
    replayed: int
    events: int
    deliveries: int
    ack: Percentiles
    """From sending a bid to its own answer."""
    fan_out: Percentiles
    """From the event's `at` to a viewer (viewers.py says how)."""
    bid_to_view: Percentiles
    """From sending a bid to a viewer."""
    gaps: int
    behind: int
    """Viewers that had not seen the last event 5 s after it."""
    reconnects: int
    refused_for_load: int
    errors: dict[str, int]
    cpu_share: float
    """Of one core, used by this process while bids were sent."""


def check(plan: Plan, open_files: int) -> None:
    """Raises UserError when this plan is out of bounds, or needs more files than this process may open."""
    if not 1 <= plan.bidders <= MAX_BIDDERS:
        raise UserError(f"--bidders must be 1 to {MAX_BIDDERS}")
    if not 0 <= plan.viewers <= MAX_VIEWERS:
        raise UserError(f"--viewers must be 0 to {MAX_VIEWERS}")
    if not 0 < plan.rate <= MAX_RATE:
        raise UserError(f"--rate must be above 0 and at most {MAX_RATE:g} bids a second")
    if not 0 < plan.seconds <= MAX_SECONDS:
        raise UserError(f"--seconds must be above 0 and at most {MAX_SECONDS:g}")
    if plan.rate > plan.bidders * MAX_BIDS_PER_BIDDER:
        needed = -(-plan.rate // MAX_BIDS_PER_BIDDER)
        raise UserError(
            f"{plan.rate:g} bids a second need {needed:g} bidders: the platform limits how often each may bid"
        )
    if plan.bidders + plan.viewers + SPARE_FILES > open_files:
        raise UserError(
            f"only {open_files} open files are allowed here: raise `ulimit -n`, or ask for fewer viewers"
        )


def addresses(plan: Plan) -> Iterator[str | None]:
    """Where each viewer connects from: one address has ports for some twenty thousand, and loopback has many
    addresses."""
    host = urlsplit(plan.url).hostname or ""
    several = plan.viewers > MAX_SOCKETS_PER_ADDRESS and is_loopback(host) and ":" not in host
    for number in range(plan.viewers):
        yield f"127.0.0.{2 + number // MAX_SOCKETS_PER_ADDRESS}" if several else None
