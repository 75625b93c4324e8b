"""People, listings and bids for tests."""

import itertools
from typing import Any

from blytz.auction.model import Bid, BidKind, Cause, Listing, Party, Terms

T0 = 1_700_000_000_000
"""When tests begin, on their own clock."""
MINUTE_MS = 60_000

SAM = Party("usr_sam", "Sam the seller")
ANNA = Party("usr_anna", "Anna")
BEN = Party("usr_ben", 'Ben "the \\ bidder" Łoś')
CLEO = Party("usr_cleo", "Cleo\n\u2028 😀")
BIDDERS = (ANNA, BEN, CLEO)

CAUSE = Cause("usr_sam", "req_1")

_numbers = itertools.count(1)


def listing(auction_id: str = "auc_1", *, starts_at: int | None = None, **terms: Any) -> Listing:
    """A listing; terms that are not given are the defaults of the protocol."""
    return Listing(
        auction_id=auction_id, title="A thing", seller=SAM, terms=Terms(**terms), epoch="e1", starts_at=starts_at
    )


def bid(bidder: Party, amount: int, kind: BidKind = "exact", bid_id: str = "") -> Bid:
    """A bid, with a new id unless one is given."""
    return Bid(bidder, bid_id or f"b{next(_numbers)}", amount, kind)
