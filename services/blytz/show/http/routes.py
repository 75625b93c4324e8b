"""The HTTP calls of shows and lots (protocol, section 7)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.params import JSONBody

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, operation, optional_caller
from blytz.kit.http.fields import IdempotencyKey, PageLimit
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.kit.ids import new_id
from blytz.show import rules
from blytz.show.http import examples
from blytz.show.http import responses as answers
from blytz.show.http.lot_schemas import (
    LotChange,
    LotCursor,
    LotId,
    Lots,
    LotState,
    NewFixedLot,
    NewLot,
    NewPreBid,
    PreBidState,
    QueueOrder,
    given_of_lot,
    lot_state,
    read_lot_change,
    read_new_lot,
    read_new_pre_bid,
    read_queue_order,
)
from blytz.show.http.purchases import PurchaseCalls
from blytz.show.http.running import RunningLotCalls, RunningShowCalls
from blytz.show.http.schemas import (
    CategoryFilter,
    NewShow,
    Search,
    SellerFilter,
    ShowChange,
    ShowCursor,
    ShowId,
    Shows,
    ShowState,
    ShowStatusFilter,
    given,
    read_new_show,
    read_show_change,
    show_state,
)
from blytz.show.http.video import VideoCalls
from blytz.show.model import Show
from blytz.show.running.purchases import PurchaseService
from blytz.show.running.service import ShowRunner
from blytz.show.service import ShowService
from blytz.show.store import LISTS, KeptAnswers, ReadAnswer, ShowFilter
from blytz.show.video.service import VideoService
from blytz.show.words import MAX_SEARCHED, words_of

T = TypeVar("T", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode


def _service_of(connection: Connection) -> ShowService:
    service: ShowService = connection.app.state.shows
    return service


async def _read(request: Call, _kind: type[T], name: str, make: Callable[[], Awaitable[ReadAnswer]]) -> T:
    """An answer of this kind, as JSON that nothing encodes again. Without a name it is not kept."""
    answers: KeptAnswers | None = request.app.state.answers
    body = await answers.read(name, make) if answers and name else (await make()).body
    return cast("T", msgspec.Raw(body))


def _answer(value: msgspec.Struct, shows: Sequence[Show], *scopes: str) -> ReadAnswer:
    """Of these shows; kept when each of them is for everybody."""
    of_shows = {show.show_id for show in shows if rules.is_for_everybody(show)}
    is_kept = all(show.show_id in of_shows for show in shows)
    return ReadAnswer(_encode(value), frozenset({*of_shows, *scopes}) if is_kept else frozenset())


async def _states(request: Call, shows: list[Show]) -> list[ShowState]:
    figures = await _service_of(request).figures(shows)
    return [show_state(show, of_show.facts, of_show.viewers) for show, of_show in zip(shows, figures, strict=True)]


class ShowCalls(Controller):
    """Reading is for anyone, making for sellers, changing for the show's seller and admins."""

    path = "/v1/shows"
    tags = ("shows",)

    @get(**spec("listShows", "A page of shows", answers.LIST))
    async def page(
        self,
        request: Call,
        status: ShowStatusFilter = None,
        category: CategoryFilter = None,
        seller: SellerFilter = None,
        q: Search = None,
        cursor: ShowCursor = None,
        limit: PageLimit = 20,
    ) -> Shows:
        """Live ones first, then the soonest. With `q` those that have all of its words, the last one also as the
        beginning of a word."""
        reader = await optional_caller(request)
        words = tuple(words_of(q)[:MAX_SEARCHED]) if q else ()
        if q and not words:
            return Shows([], None)
        wanted = ShowFilter(status, category, seller, words)

        async def make() -> ReadAnswer:
            page = await _service_of(request).list(wanted, reader, cursor, limit)
            shows = list(page.shows)
            return _answer(Shows(await _states(request, shows), page.cursor), shows, LISTS)

        # What few ask for is not kept, and an admin sees more than others.
        is_common = not (q or seller or cursor or (reader and reader.has("admin")))
        name = f"shows {status or ''} {category or ''} {limit}" if is_common else ""
        return await _read(request, Shows, name, make)

    @post(**spec("createShow", "Make a show", answers.CREATE, read_new_show), **SIGNED_IN)
    async def create(
        self, request: Call, data: JSONBody[NewShow], idempotency_key: IdempotencyKey = None
    ) -> ShowState:
        """A draft, or scheduled when it has a time."""
        once = await operation(request, idempotency_key, new_id("shw"))
        fields = {name: getattr(data, name) for name in NewShow.__struct_fields__}
        show = await _service_of(request).create(caller_of(request), once.subject_id, fields)
        return (await _states(request, [show]))[0]

    @get("/{show_id:str}", **spec("getShow", "One show", answers.READ))
    async def one(self, request: Call, show_id: ShowId) -> ShowState:
        """A draft or a rehearsal only for its seller, moderators and admins."""
        reader = await optional_caller(request)

        async def make() -> ReadAnswer:
            show = await _service_of(request).get(show_id, reader)
            return _answer((await _states(request, [show]))[0], [show])

        return await _read(request, ShowState, f"show {show_id}", make)

    @patch("/{show_id:str}", **spec("changeShow", "Change a show", answers.CHANGE, read_show_change), **SIGNED_IN)
    async def change(self, request: Call, show_id: ShowId, data: JSONBody[ShowChange]) -> ShowState:
        """What is left out stays as it is, settings too. A draft that gets a `scheduled_at` is scheduled. From
        then on it is no draft again, and it stays a rehearsal or stays none."""
        seen = None if data.version is msgspec.UNSET else data.version
        show = await _service_of(request).change(caller_of(request), show_id, given(data), seen)
        return (await _states(request, [show]))[0]

    @get("/{show_id:str}/lots", **spec("listLots", "The lots of a show", answers.READ))
    async def lots(self, request: Call, show_id: ShowId, cursor: LotCursor = None, limit: PageLimit = 100) -> Lots:
        """In queue order, without those that were removed."""
        reader, after = await optional_caller(request), -1 if cursor is None else int(cursor)

        async def make() -> ReadAnswer:
            service = _service_of(request)
            show = await service.get(show_id, reader)
            lots, following = await service.lots(show_id, reader, after, limit)
            cursor_after = None if following is None else str(following)
            return _answer(Lots([lot_state(lot) for lot in lots], cursor_after), [show])

        return await _read(request, Lots, f"lots {show_id} {after} {limit}", make)

    @post("/{show_id:str}/lots", **spec("addLot", "Add a lot", answers.ADD_LOT, read_new_lot), **SIGNED_IN)
    async def add_lot(
        self,
        request: Call,
        show_id: ShowId,
        data: JSONBody[NewLot | NewFixedLot],
        idempotency_key: IdempotencyKey = None,
    ) -> LotState:
        """At the end of the queue."""
        once = await operation(request, idempotency_key, new_id("lot"))
        lot = await _service_of(request).add_lot(caller_of(request), show_id, once.subject_id, given_of_lot(data))
        return lot_state(lot)

    @put(
        "/{show_id:str}/queue",
        **spec("orderQueue", "Order the queue", answers.QUEUE, read_queue_order),
        **SIGNED_IN,
    )
    async def order(self, request: Call, show_id: ShowId, data: JSONBody[QueueOrder]) -> Lots:
        """All queued lots in their new order, for the seller and moderators."""
        lots = await _service_of(request).order_queue(caller_of(request), show_id, data.lot_ids)
        return Lots([lot_state(lot) for lot in lots])


class LotCalls(Controller):
    path = "/v1/lots"
    tags = ("shows",)

    @get("/{lot_id:str}", **spec("getLot", "One lot", answers.READ_LOT))
    async def one(self, request: Call, lot_id: LotId) -> LotState:
        """For those who may see its show; a removed one too."""
        reader = await optional_caller(request)

        async def make() -> ReadAnswer:
            service = _service_of(request)
            lot = await service.lot(lot_id, reader)
            return _answer(lot_state(lot), [await service.get(lot.show_id, reader)], lot_id)

        return await _read(request, LotState, f"lot {lot_id}", make)

    @patch("/{lot_id:str}", **spec("changeLot", "Change a lot", answers.CHANGE_LOT, read_lot_change), **SIGNED_IN)
    async def change(self, request: Call, lot_id: LotId, data: JSONBody[LotChange]) -> LotState:
        """While it waits in the queue. What is left out stays as it is, terms too."""
        return lot_state(await _service_of(request).change_lot(caller_of(request), lot_id, given_of_lot(data)))

    @delete("/{lot_id:str}", **spec("removeLot", "Remove a lot", answers.REMOVE_LOT), **SIGNED_IN)
    async def remove(self, request: Call, lot_id: LotId) -> None:
        """While it waits in the queue; its number is not given again."""
        await _service_of(request).remove_lot(caller_of(request), lot_id)

    @put(
        "/{lot_id:str}/pre-bid",
        **spec("placePreBid", "Bid before it opens", answers.PRE_BID, read_new_pre_bid),
        **SIGNED_IN,
    )
    async def place_pre_bid(self, request: Call, lot_id: LotId, data: JSONBody[NewPreBid]) -> PreBidState:
        """A hidden ceiling, binding when the lot opens and void if it never does."""
        await _service_of(request).place_pre_bid(caller_of(request), lot_id, data.amount)
        return PreBidState(lot_id, data.amount)

    @delete("/{lot_id:str}/pre-bid", **spec("withdrawPreBid", "Withdraw it", answers.NO_PRE_BID), **SIGNED_IN)
    async def withdraw_pre_bid(self, request: Call, lot_id: LotId) -> None:
        """While the lot waits in the queue."""
        await _service_of(request).withdraw_pre_bid(caller_of(request), lot_id)


def show_routes(
    service: ShowService | None = None,
    runner: ShowRunner | None = None,
    video: VideoService | None = None,
    purchases: PurchaseService | None = None,
    answers: KeptAnswers | None = None,
) -> RouteGroup:
    """Without these services they can be described but not called; without `answers` none is kept."""
    state: dict[str, Any] = {
        "shows": service,
        "show_runner": runner,
        "video": video,
        "purchases": purchases,
        "answers": answers,
    }
    calls = [ShowCalls, LotCalls, PurchaseCalls, RunningShowCalls, RunningLotCalls, VideoCalls]
    return RouteGroup(calls, examples.REQUESTS, examples.ANSWERS, state)
