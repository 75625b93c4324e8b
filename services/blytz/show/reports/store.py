"""The port to reports."""

from typing import Protocol

from blytz.auction.model import Party
from blytz.show.acts import Act
from blytz.show.reports.model import Report, ReportCode, ReportPage


class ReportStore(Protocol):
    """Every call is one transaction. All raise `StoreUnavailable` and `Overloaded`."""

    async def add(self, report: Report) -> Report | ReportCode:
        """The same id again changes nothing: the answer is what is stored. Refuses `too_many`."""

    async def reports(self, show_id: str, cursor: str | None, limit: int) -> ReportPage:
        """The newest first."""

    async def handle(self, show_id: str, report_id: str, by: Party, at: int, act: Act) -> Report | ReportCode:
        """The first who handles it is on record. Refuses `report_not_found`."""
