"""Shows and lots for tests."""

from typing import Any

from blytz.auction.model import Party
from blytz.show.acts import Act, Verb
from blytz.show.model import AuctionTerms, Lot, Show, ShowStatus

SELLER = Party("usr_sam", "Sam")


def show(show_id: str = "shw_1", **fields: Any) -> Show:
    """Scheduled and public unless `fields` say otherwise."""
    usual: dict[str, Any] = {"seller": SELLER, "title": "Pottery night", "scheduled_at": 1_000}
    return Show(show_id=show_id, **{"status": ShowStatus.SCHEDULED, **usual, **fields})


def lot(number: int, show_id: str = "shw_1", **fields: Any) -> Lot:
    usual: dict[str, Any] = {"title": f"Bowl {number}", "terms": AuctionTerms(reserve_price=5_000)}
    return Lot(lot_id=f"lot_{show_id[4:]}_{number}", show_id=show_id, **{**usual, **fields})


def act(verb: Verb = Verb.SHOW_CHANGED, **fields: Any) -> Act:
    usual: dict[str, Any] = {"by": SELLER, "at": 1_000, "seller_id": SELLER.id, "show_id": "shw_1"}
    return Act(verb=verb, **{**usual, **fields})
