"""What a notice tells those who watch the show."""

from typing import Any

from blytz.show.model import LotFacts, Show
from blytz.show.public import host_view, short_lot_view, show_view
from blytz.show.running.decision import Notice


def notice_view(notice: Notice, show: Show, facts: LotFacts) -> dict[str, Any]:
    """The members of the event, besides those that every event has."""
    if notice.kind.startswith("host_"):
        return {"host": host_view(show.host)}
    if notice.kind.startswith("show_"):
        return {"show": show_view(show, facts), **notice.fields}
    counts = {"open_lots": list(facts.open_lots), "lots": {"total": facts.counts.total, "sold": facts.counts.sold}}
    lot = {"lot": short_lot_view(notice.lot)} if notice.lot else {}
    return {**lot, **notice.fields, **counts}
