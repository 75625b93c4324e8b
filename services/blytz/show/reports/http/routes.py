"""The HTTP calls of reports (protocol, section 8)."""

from litestar import Controller, get, post, put
from litestar.params import JSONBody
from msgspec.structs import asdict

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, operation
from blytz.kit.http.empty_body import refuse_body
from blytz.kit.http.fields import IdempotencyKey, PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.kit.ids import new_id
from blytz.show.http.schemas import RowCursor, ShowId
from blytz.show.reports.http import examples
from blytz.show.reports.http import responses as answers
from blytz.show.reports.http.schemas import (
    NewReport,
    ReportId,
    Reports,
    ReportView,
    read_new_report,
    report_view,
)
from blytz.show.reports.service import ReportService


def _service_of(connection: Connection) -> ReportService:
    service: ReportService = connection.app.state.reports
    return service


class ReportCalls(Controller):
    path = "/v1/shows/{show_id:str}/reports"
    tags = ("shows",)

    @post(**spec("createReport", "Report something", answers.CREATE, read_new_report), **SIGNED_IN)
    async def create(
        self, request: Call, show_id: ShowId, data: JSONBody[NewReport], idempotency_key: IdempotencyKey = None
    ) -> ReportView:
        """To those who moderate the show; at most 20 of one user."""
        once = await operation(request, idempotency_key, new_id("rep"))
        service = _service_of(request)
        return report_view(await service.add(caller_of(request), show_id, once.subject_id, asdict(data)))

    @get(**spec("listReports", "The reports of a show", answers.PAGE), **SIGNED_IN)
    async def page(
        self, request: Call, show_id: ShowId, cursor: RowCursor = None, limit: PageLimit = 100
    ) -> Reports:
        """The newest first, for its seller, moderators and admins."""
        page = await _service_of(request).page(caller_of(request), show_id, cursor, limit)
        return Reports(
            [report_view(report, page.lots.get(report.lot_id or "")) for report in page.reports], page.cursor
        )

    @put(
        "/{report_id:str}/handled",
        **spec("handleReport", "Mark a report as handled", answers.HANDLE),
        **SIGNED_IN,
    )
    async def handle(self, request: Call, show_id: ShowId, report_id: ReportId) -> ReportView:
        """The first who does it is on record."""
        await refuse_body(request)
        return report_view(await _service_of(request).handle(caller_of(request), show_id, report_id))


def report_routes(service: ReportService | None = None) -> RouteGroup:
    """Without a service they can be described but not called."""
    return RouteGroup([ReportCalls], examples.REQUESTS, examples.ANSWERS, {"reports": service})
