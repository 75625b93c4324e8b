"""Who may report, and who reads and handles reports."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict, NotFound
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.acts import Verb
from blytz.show.chat.service import ChatLog
from blytz.show.reports.model import MAX_REPORTS, MESSAGES_BEFORE, Report, ReportCode, ReportPage
from blytz.show.reports.store import ReportStore
from blytz.show.service import BYTES_OF_ROW, ShowService

_WHY: Final = {
    ReportCode.REPORT_NOT_FOUND: "there is no such report",
    ReportCode.TOO_MANY: f"a user may make {MAX_REPORTS} reports in one show",
}


def refusal(code: ReportCode) -> Conflict | NotFound:
    """The problem that the caller gets."""
    kind = NotFound if code is ReportCode.REPORT_NOT_FOUND else Conflict
    return kind(_WHY[code], code=code)


class ReportService:
    """Raises `Forbidden`, `NotFound`, `Conflict`, `RateLimited` and what the store raises."""

    def __init__(
        self,
        store: ReportStore,
        shows: ShowService,
        chat: ChatLog,
        now: Callable[[], int],
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        """`now` is in milliseconds since the Unix epoch, on the Redis clock."""
        self._store = store
        self._shows = shows
        self._chat = chat
        self._now = now
        self._stored_bytes_of_user = stored_bytes_of_user

    async def add(self, user: Principal, show_id: str, report_id: str, fields: dict[str, Any]) -> Report:
        """For everybody who is signed in and may see the show. The same id again gives the first report.
        Of a message it keeps the text and those before it."""
        await self._shows.get(show_id, user)
        by = Party(user.id, user.name)
        message_id = fields.get("message_id")
        # Now, because the chat keeps neither for long.
        messages = await self._chat.messages(show_id, message_id, MESSAGES_BEFORE) if message_id else ()
        report = Report(
            report_id=report_id, show_id=show_id, by=by, at=self._now(), messages=tuple(messages), **fields
        )
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, BYTES_OF_ROW + len(msgspec.json.encode(report)))
        return _done(await self._store.add(report))

    async def page(self, caller: Principal, show_id: str, cursor: str | None, limit: int) -> ReportPage:
        """For the show's seller, its moderators and admins; the newest first."""
        await self._shows.moderated_show(caller, show_id)
        return await self._store.reports(show_id, cursor, limit)

    async def handle(self, caller: Principal, show_id: str, report_id: str) -> Report:
        """For the show's seller, its moderators and admins. The first who does it is on record."""
        show = await self._shows.moderated_show(caller, show_id)
        act = self._shows.act(Verb.REPORT_HANDLED, caller, show, report_id)
        by = Party(caller.id, caller.name)
        return _done(await self._store.handle(show_id, report_id, by, self._now(), act))


def _done(result: Report | ReportCode) -> Report:
    if isinstance(result, ReportCode):
        raise refusal(result)
    return result
