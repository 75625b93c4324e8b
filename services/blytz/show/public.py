"""Shows and lots as the public sees them: hidden parts left out."""

from typing import Any

from blytz.auction.model import Party
from blytz.show.model import Host, Lot, LotFacts, Show

_HIDDEN_OF_SHOW = ("seller", "settings", "next_lot_at", "host", "host_pause_at", "pause_reason")


def show_view(show: Show, facts: LotFacts) -> dict[str, Any]:
    """Without the number of its viewers, which the gateway tells."""
    public = {name: getattr(show, name) for name in Show.__struct_fields__ if name not in _HIDDEN_OF_SHOW}
    settings = show.settings
    return {
        **public,
        "seller": _party(show.seller),
        "host": host_view(show.host),
        "settings": {
            **{name: getattr(settings, name) for name in settings.__struct_fields__},
            "bidder_requirements": {
                "card": settings.bidder_requirements.card,
                "approval": settings.bidder_requirements.approval,
            },
        },
        "open_lots": list(facts.open_lots),
        "lots": {"total": facts.counts.total, "sold": facts.counts.sold},
    }


def lot_view(lot: Lot) -> dict[str, Any]:
    """Its terms without the hidden reserve."""
    public = {name: getattr(lot, name) for name in Lot.__struct_fields__ if name not in ("terms", "winner")}
    names = (name for name in lot.terms.__struct_fields__ if name != "reserve_price")
    kind = lot.terms.__struct_config__.tag
    return {
        **public,
        "terms": {"format": kind, **{name: getattr(lot.terms, name) for name in names}},
        "winner": _party(lot.winner) if lot.winner else None,
    }


def short_lot_view(lot: Lot) -> dict[str, Any]:
    """For those who watch a show: without its description and with its first picture only, so that hundreds of
    lots fit into one message."""
    return {**lot_view(lot), "description": "", "images": lot.images[:1]}


def host_view(host: Host) -> dict[str, Any]:
    return {"state": host.state, "since": host.since}


def _party(party: Party) -> dict[str, str]:
    return {"id": party.id, "name": party.name}
