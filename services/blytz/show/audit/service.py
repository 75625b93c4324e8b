"""Who may read the audit trail of a show."""

from blytz.identity import Principal
from blytz.show.acts import ActPage, AuditTrail
from blytz.show.service import ShowService


class AuditService:
    """Raises `Forbidden`, `NotFound` and what the trail raises."""

    def __init__(self, trail: AuditTrail, shows: ShowService) -> None:
        self._trail = trail
        self._shows = shows

    async def page(self, caller: Principal, show_id: str, cursor: str | None, limit: int) -> ActPage:
        """For the show's seller, its moderators and admins."""
        show = await self._shows.moderated_show(caller, show_id)
        return await self._trail.acts(show_id, show.seller.id, cursor, limit)
