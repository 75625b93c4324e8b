"""The HTTP calls that run a show (protocol, section 7)."""

from typing import Any, Final

import msgspec
from litestar import Controller, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, operation
from blytz.kit.http.empty_body import refuse_body
from blytz.kit.http.fields import IdempotencyKey
from blytz.kit.http.litestar import Call, spec
from blytz.kit.http.responses import Responses
from blytz.kit.ids import new_id
from blytz.show.acts import Verb
from blytz.show.http import responses as answers
from blytz.show.http.lot_schemas import (
    LotId,
    LotState,
    NewRun,
    lot_state,
    lot_terms,
    read_new_run,
)
from blytz.show.http.schemas import Ending, ShowId, ShowState, read_ending, show_state
from blytz.show.running import rules
from blytz.show.running.decision import Reopening
from blytz.show.running.rules import Decide
from blytz.show.running.service import ShowRunner
from blytz.show.running.store import Acted
from blytz.show.service import ShowService

_ACT: Final[dict[str, Any]] = {"status_code": 200, **SIGNED_IN}


def _runner_of(connection: Connection) -> ShowRunner:
    runner: ShowRunner = connection.app.state.show_runner
    return runner


async def _turn(request: Call, show_id: str, key: str | None, verb: Verb, decide: Decide) -> ShowState:
    once = await operation(request, key)
    acted = await _runner_of(request).turn(caller_of(request), show_id, verb, decide, once)
    shows: ShowService = request.app.state.shows
    return show_state(acted.show, acted.facts, await shows.viewers(acted.show))


def _turning(
    name: str, verb: Verb, decide: Decide, summary: str, effect: str, responses: Responses
) -> HTTPRouteHandler:
    """The route of an act that takes no body."""

    async def handler(_: Any, request: Call, show_id: ShowId, idempotency_key: IdempotencyKey = None) -> ShowState:
        await refuse_body(request)
        return await _turn(request, show_id, idempotency_key, verb, decide)

    handler.__doc__ = effect
    about = spec(f"{name}Show", summary, responses)
    return post(f"/{{show_id:str}}/{name}", **about, **_ACT)(handler)


class RunningShowCalls(Controller):
    """For the show's seller and admins; the next lot for moderators too."""

    path = "/v1/shows"
    tags = ("running a show",)

    start = _turning(
        "start", Verb.SHOW_STARTED, rules.start, "Go live", "From then on lots can be opened.", answers.START
    )
    pause = _turning(
        "pause",
        Verb.SHOW_PAUSED,
        rules.pause,
        "Stop every open clock",
        "The time that remains is kept.",
        answers.TURN,
    )
    resume = _turning(
        "resume",
        Verb.SHOW_RESUMED,
        rules.resume,
        "Let the clocks run",
        "With the time that remained.",
        answers.TURN,
    )
    cancel = _turning(
        "cancel", Verb.SHOW_CANCELLED, rules.cancel, "Call the show off", "Before it has started.", answers.CANCEL
    )

    @post(
        "/{show_id:str}/end",
        **spec("endShow", "End the show", answers.END, read_ending),
        **_ACT,
    )
    async def end(
        self, request: Call, show_id: ShowId, data: JSONBody[Ending], idempotency_key: IdempotencyKey = None
    ) -> ShowState:
        """Once no lot is open; with `now` those that are open are cancelled."""
        return await _turn(
            request, show_id, idempotency_key, Verb.SHOW_ENDED, rules.end_now if data.now else rules.end
        )

    @post(
        "/{show_id:str}/next",
        **spec("openNextLot", "Open the next lot", answers.NEXT),
        **_ACT,
    )
    async def next_lot(self, request: Call, show_id: ShowId, idempotency_key: IdempotencyKey = None) -> LotState:
        """The first of the queue."""
        await refuse_body(request)
        once = await operation(request, idempotency_key, new_id("auc"))
        return _about(await _runner_of(request).open_next(caller_of(request), show_id, once))


class RunningLotCalls(Controller):
    """For the show's seller and admins; opening also for moderators."""

    path = "/v1/lots"
    tags = ("running a show",)

    @post("/{lot_id:str}/start", **spec("openLot", "Open this lot", answers.OPEN_LOT), **_ACT)
    async def start(self, request: Call, lot_id: LotId, idempotency_key: IdempotencyKey = None) -> LotState:
        """One that waits in the queue, wherever it stands."""
        await refuse_body(request)
        once = await operation(request, idempotency_key, new_id("auc"))
        return _about(await _runner_of(request).open_lot(caller_of(request), lot_id, once))

    @post(
        "/{lot_id:str}/rerun",
        **spec("rerunLot", "Open a lot again", answers.RERUN_LOT, read_new_run),
        **_ACT,
    )
    async def rerun(
        self,
        request: Call,
        lot_id: LotId,
        data: JSONBody[NewRun],
        idempotency_key: IdempotencyKey = None,
    ) -> LotState:
        """One that was sold, unsold or passed, on its own terms; those that are named replace its own."""
        once = await operation(request, idempotency_key, new_id("auc"))
        reopening = Reopening(None if data.terms is msgspec.UNSET else lot_terms(data.terms))
        return _about(await _runner_of(request).rerun(caller_of(request), lot_id, reopening, once))

    @post("/{lot_id:str}/close", **spec("closeLot", "Close it now", answers.CLOSE_LOT), **_ACT)
    async def close(self, request: Call, lot_id: LotId, idempotency_key: IdempotencyKey = None) -> LotState:
        """An auction as the hammer would, whatever the clock says; an offer at a fixed price with what is sold."""
        await refuse_body(request)
        once = await operation(request, idempotency_key)
        return _about(await _runner_of(request).close_lot(caller_of(request), lot_id, once))


def _about(acted: Acted) -> LotState:
    assert acted.lot is not None, "it was about a lot"
    return lot_state(acted.lot)
