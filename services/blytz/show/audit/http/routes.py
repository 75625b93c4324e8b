"""The HTTP call of the audit trail (protocol, section 8)."""

from litestar import Controller, get

from blytz.identity.http.callers import SIGNED_IN, caller_of
from blytz.kit.http.fields import PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.show.audit.http import examples
from blytz.show.audit.http import responses as answers
from blytz.show.audit.http.schemas import Acts, act_view
from blytz.show.audit.service import AuditService
from blytz.show.http.schemas import RowCursor, ShowId


class AuditCalls(Controller):
    path = "/v1/shows/{show_id:str}/audit"
    tags = ("shows",)

    @get(**spec("listActs", "Who did what in a show", answers.PAGE), **SIGNED_IN)
    async def page(self, request: Call, show_id: ShowId, cursor: RowCursor = None, limit: PageLimit = 100) -> Acts:
        """Every act, the newest first, for its seller, moderators and admins. Nobody can change the record."""
        service: AuditService = request.app.state.audit
        page = await service.page(caller_of(request), show_id, cursor, limit)
        return Acts([act_view(act) for act in page.acts], page.cursor)


def audit_routes(service: AuditService | None = None) -> RouteGroup:
    """Without a service it can be described but not called."""
    return RouteGroup([AuditCalls], answers=examples.ANSWERS, state={"audit": service})
