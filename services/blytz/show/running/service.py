"""What sellers and moderators do to a show that runs: checks who may, decides, and carries it out."""

from blytz.identity import Principal
from blytz.kit.idempotency import EVERY_TIME, Operation
from blytz.kit.ids import new_id
from blytz.kit.problems import Conflict, NotDurable, Overloaded, Problem, StoreUnavailable
from blytz.show.acts import Act, Verb
from blytz.show.model import Show, ShowCode
from blytz.show.running import rules
from blytz.show.running.auctions import Auctions
from blytz.show.running.decision import Reopening
from blytz.show.running.intents import IntentRunner
from blytz.show.running.rules import Decide
from blytz.show.running.store import Acted, RunStore, Which
from blytz.show.service import ShowService, refusal


class ShowRunner:
    """Raises `Forbidden`, `NotFound`, `Conflict` and what the stores raise. `NotDurable` means that it is decided,
    and will be carried out: the answer to a repetition with the same Idempotency-Key tells."""

    def __init__(self, shows: ShowService, runs: RunStore, auctions: Auctions, intents: IntentRunner) -> None:
        self._shows = shows
        self._runs = runs
        self._auctions = auctions
        self._intents = intents

    async def turn(
        self, caller: Principal, show_id: str, verb: Verb, decide: Decide, operation: Operation = EVERY_TIME
    ) -> Acted:
        """Start, pause, resume, end or cancel by the rule of that name: for the show's seller and admins."""
        show = await self._shows.own_show(caller, show_id)
        act = self._shows.act(verb, caller, show)
        return await self._act(show_id, decide, Which.NONE, operation, act)

    async def open_next(self, caller: Principal, show_id: str, operation: Operation = EVERY_TIME) -> Acted:
        """For the show's seller, moderators and admins."""
        show = await self._shows.moderated_show(caller, show_id)
        return await self._open(caller, show, Which.NEXT, operation)

    async def open_lot(self, caller: Principal, lot_id: str, operation: Operation = EVERY_TIME) -> Acted:
        """For the same."""
        show = await self._shows.show_of_moderated_lot(caller, lot_id)
        return await self._open(caller, show, lot_id, operation)

    async def rerun(
        self, caller: Principal, lot_id: str, reopening: Reopening, operation: Operation = EVERY_TIME
    ) -> Acted:
        """A lot that was closed comes up again. For the same. Raises `InvalidRequest` for terms that
        do not fit to those that are kept."""
        show = await self._shows.show_of_moderated_lot(caller, lot_id)
        return await self._open(caller, show, lot_id, operation, reopening)

    async def close_lot(self, caller: Principal, lot_id: str, operation: Operation = EVERY_TIME) -> Acted:
        """Close an open lot now. For its seller and admins."""
        show = await self._shows.own_show(caller, (await self._shows.lot(lot_id, caller)).show_id)
        act = self._shows.act(Verb.LOT_CLOSED, caller, show, lot_id)
        closed = await self._act(show.show_id, rules.close_now, lot_id, operation, act)
        return await self._runs.read(show.show_id, lot_id) or closed

    async def _open(
        self,
        caller: Principal,
        show: Show,
        lot: str | Which,
        operation: Operation,
        reopening: Reopening | None = None,
    ) -> Acted:
        auction_id = operation.subject_id or new_id("auc")
        act = self._shows.act(Verb.LOT_OPENED, caller, show)
        return await self._act(show.show_id, rules.open_lot(auction_id, reopening), lot, operation, act)

    async def _act(self, show_id: str, decide: Decide, lot: str | Which, operation: Operation, act: Act) -> Acted:
        # Nothing is decided that could only be carried out some time later.
        await self._auctions.check()
        acted = await self._runs.act(show_id, decide, lot, operation.id, act)
        if isinstance(acted, ShowCode):
            raise await self._refusal(show_id, acted)
        try:
            damaged = await self._intents.carry_out(show_id)
        except (StoreUnavailable, Overloaded) as problem:
            raise NotDurable from problem
        # What an earlier act has left of another lot is not the answer to this one.
        if acted.lot.auction_id in damaged if acted.lot else damaged:
            raise refusal(ShowCode.LOT_DAMAGED)
        return await self._after(acted)

    async def _refusal(self, show_id: str, code: ShowCode) -> Problem:
        """A show that is to end is live, and yet takes nothing new."""
        if code is ShowCode.SHOW_NOT_LIVE:
            found = await self._runs.read(show_id)
            if found is not None and found.show.is_ending:
                return Conflict("the show ends when its open lots close", code=code)
        return refusal(code)

    async def _after(self, acted: Acted) -> Acted:
        """Carrying it out may have changed more: a show that was to end now has ended."""
        if not acted.show.is_ending:
            return acted
        return await self._runs.read(acted.show.show_id) or acted
