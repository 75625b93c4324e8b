"""Auctions in Redis: the only module that knows their keys and scripts.

Every key of an auction carries its id as hash tag, so that one script may touch them all on a cluster. Beside the
auctions stand the lists of `index.py` and `{sales}:schedule` (all that are not closed, by when the hammer checks
them). Both are written before the auction itself: an entry without an auction is harmless, an auction without an
entry would never be closed.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from blytz.auction.model import (
    Auction,
    Bid,
    Cause,
    Code,
    Event,
    Listing,
    NotYet,
    Outage,
    PauseReason,
    PreBid,
    Receipt,
    Refused,
    Standing,
    Status,
    Verb,
)
from blytz.auction.redis.bid_script import BidScript, refused
from blytz.auction.redis.commands import read_log, write_standings
from blytz.auction.redis.index import Index
from blytz.auction.redis.keys import SCHEDULE, bid_keys_of, keys_of
from blytz.auction.redis.schedule import COMPENSATION_MS, RESCHEDULE
from blytz.auction.redis.scripts import load_scripts
from blytz.auction.redis.state import auction_of, corrupt, new_state, packed_pre_bids, text, whole
from blytz.auction.store import NO_STANDINGS, Closed, CorruptAuction, Page, check_pre_bids
from blytz.kit.answer import Answer
from blytz.kit.clock import ServerClock
from blytz.kit.problems import NotFound, Overloaded, StoreUnavailable
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import RedisError, RedisPipe, Script
from blytz.kit.telemetry.metrics import Metrics

UNCERTAINTY_MS: Final = 1_000
"""An outage counts from the last heartbeat before it, which is younger than this."""

_json = msgspec.json.Encoder()
_object = msgspec.json.Decoder(dict[str, Any])


class RedisStore:
    """`AuctionStore` over one pipelined connection (see the port for what each verb promises)."""

    def __init__(
        self, pipe: RedisPipe, scripts: dict[str, Script] | None = None, clock: ServerClock | None = None
    ) -> None:
        """Without `clock`, a step of the clock of Redis goes unnoticed: for tests and tools."""
        self._pipe = pipe
        self._index = Index(pipe)
        self._scripts = scripts or load_scripts()
        self._clock = clock
        self._bids = BidScript(
            self._scripts["place_bid"], pipe, bid_keys_of, self._schedule_now, self._expected, self._checked
        )

    def register_metrics(self, metrics: Metrics) -> None:
        self._bids.durable_s = metrics.histogram(
            "blytz_bid_durable_seconds", "From a bid's way to Redis until its outcome was on disk there"
        )

    async def create(
        self,
        listing: Listing,
        cause: Cause,
        operation_id: str = "",
        *,
        standings: Mapping[Standing, Collection[str]] = NO_STANDINGS,
        pre_bids: Sequence[PreBid] = (),
    ) -> Auction:
        check_pre_bids(listing, pre_bids)
        auction_id = listing.auction_id
        if operation_id and await self._is_done(auction_id, operation_id):
            # Closed since, it must not come back on the schedule: it would be sold twice.
            return await self._answer_to(auction_id, operation_id)
        stepped_ms, now = await self._opening_steps_ms(), await self.now()
        # Never in the past: what was due long ago and has no auction is taken for an opening that failed.
        due_at = max(now, listing.starts_at) if listing.starts_at else now + listing.terms.duration_ms
        is_scheduled = listing.starts_at is not None and listing.starts_at > now
        await self._index.add(auction_id, Status.SCHEDULED if is_scheduled else Status.OPEN)
        # LT: of two attempts at once, the later one must not postpone the end that the earlier one set.
        await self._pipe.call("ZADD", SCHEDULE, "LT", due_at, auction_id)
        if standings and not await self._pipe.call("EXISTS", keys_of(auction_id).state):
            for standing, bidder_ids in standings.items():
                await self.set_standing(auction_id, bidder_ids, standing)
        args = (stepped_ms, len(pre_bids), *packed_pre_bids(pre_bids), *new_state(listing))
        await self._open(auction_id, cause, *args, operation_id=operation_id)
        return await self._answer_to(auction_id, operation_id)

    async def open(self, auction_id: str, cause: Cause) -> Auction | NotYet | Refused:
        stepped_ms = await self._opening_steps_ms()
        match reply := await self._open(auction_id, cause, stepped_ms):
            case [b"ok", _]:
                auction = await self._must_get(auction_id)
                await self._index.move(auction_id, auction.status)
                return auction
            case [b"not_yet", remaining_ms, _]:
                return NotYet(remaining_ms)
        return refused(reply)

    def _open(self, auction_id: str, cause: Cause, *args: Part, operation_id: str = "") -> Answer[Any]:
        of_bid = (keys_of(auction_id).bids, keys_of(auction_id).bidders)
        return self._run("open", auction_id, cause, *args, keys=of_bid, operation_id=operation_id)

    def place_bid(self, auction_id: str, bid: Bid, cause: Cause) -> Answer[Receipt | Refused]:
        bids = self._bids
        return self._pipe.send(bids.command(auction_id, bid, cause), bids, (auction_id, bid, cause))

    async def change(
        self,
        auction_id: str,
        verb: Verb,
        cause: Cause,
        by_ms: int = 0,
        operation_id: str = "",
        reason: PauseReason = "seller",
    ) -> Auction | Refused:
        reply = await self._run("change", auction_id, cause, verb, by_ms, reason, operation_id=operation_id)
        if reply[0] == b"refused":
            return self._checked(refused(reply))
        auction = await self._must_get(auction_id)
        # The schedule may be stale, the close script is not: an entry that comes too early does no harm, and
        # one that is missing was closed.
        if auction.status.is_final:
            await self._reschedule(auction_id, 0)
        elif auction.ends_at is not None:
            # The fraction makes two entries for the same time differ, so that the hammer never takes the entry
            # that a resume wrote for the one that it read before.
            await self._reschedule(auction_id, auction.ends_at + auction.seq % 1000 / 1000)
        await self._index.move(auction_id, auction.status)
        return await self._answer_to(auction_id, operation_id) if operation_id else auction

    async def close(
        self, auction_id: str, cause: Cause, *, force: bool = False, outage: Outage | None = None
    ) -> Closed | NotYet | Refused:
        began_at, ended_at = (outage.began_at, outage.ended_at) if outage else (0, 0)
        reply = await self._run(
            "close",
            auction_id,
            cause,
            text(self._known_steps_ms()),
            "1" if force else "0",
            began_at,
            ended_at,
        )
        match reply:
            case [b"closed", status, event, _]:
                closed = Closed(Status(status.decode()), Event(_object.decode(event)))
                await self._index.move(auction_id, closed.status)
                if force:
                    self._schedule_now(auction_id)
                return closed
            case [b"not_yet", remaining_ms, _]:
                is_paused = remaining_ms < 0
                await self._index.move(auction_id, Status.PAUSED if is_paused else Status.OPEN)
                return NotYet(None if is_paused else remaining_ms)
        return refused(reply)

    async def set_standing(
        self, auction_id: str, bidder_ids: Collection[str], standing: Standing, *, held: bool = True
    ) -> None:
        for part in write_standings(self._pipe, keys_of(auction_id).bidders, bidder_ids, standing, held=held):
            await _read(part)

    async def get(self, auction_id: str) -> Auction | None:
        auction: Auction | None = await _read(self._state(auction_id))
        return auction

    async def list(self, status: Status | None, cursor: str | None, limit: int) -> Page:
        ids = await self._index.page(status, cursor, limit)
        found: list[Auction] = []
        for auction_id, state in [(auction_id, self._state(auction_id)) for auction_id in ids]:
            try:
                auction = await _read(state)
            except CorruptAuction:
                continue  # It was logged. One corrupt auction must not hide the others.
            if auction and (status is None or auction.status is status):
                found.append(auction)
            elif auction:
                await self._index.move(auction_id, auction.status, found_as=status)
        return Page(found, ids[-1] if len(ids) == limit else None)

    async def events(self, auction_id: str, after: int, limit: int) -> Sequence[Event]:
        found: list[Event] = await _read(read_log(self._pipe, keys_of(auction_id).events, after, limit))
        return found

    async def receipt(self, auction_id: str, bidder_id: str, bid_id: str) -> Receipt | None:
        stored = await _read(self._pipe.call("HGET", keys_of(auction_id).bids, f"{bid_id}:{bidder_id}"))
        if stored is None:
            return None
        try:
            _, _, outcome, *numbers = stored.split(b" ")
            seq, price, minimum, leading, ends_at = map(whole, numbers)
        except ValueError as error:
            raise corrupt(f"{auction_id} bid {bid_id}: {error!r}") from error
        return Receipt(bid_id, outcome.decode(), seq, price, minimum, leading == 1, ends_at)

    async def now(self) -> int:
        return await self._pipe.now()

    def _known_steps_ms(self) -> int | None:
        """The recorded steps of the clock; None while they are not known."""
        return self._clock.stepped_ms if self._clock and self._clock.is_known else None

    async def _opening_steps_ms(self) -> int:
        """Those that an auction which opens now starts from."""
        if self._clock is None:
            return 0
        if not self._clock.is_known:
            await self._clock.sync()
        return self._clock.stepped_ms

    def _checked(self, refusal: Refused) -> Refused:
        """Raises `StoreUnavailable` for `auction_ended` right after Redis was away, when the end fell into that
        time: a hammer is about to give it back, and then the auction goes on."""
        link = self._pipe
        if refusal.code is not Code.AUCTION_ENDED or not link.away_since or self._clock is None:
            return refusal
        now_s = asyncio.get_running_loop().time()
        if now_s - link.connected_at > COMPENSATION_MS / 1000:
            return refusal
        away_since = self._clock.now() - (now_s - link.away_since) * 1000 - UNCERTAINTY_MS
        if refusal.ends_at is not None and refusal.ends_at >= away_since:
            raise StoreUnavailable
        return refusal

    def _expected(self) -> int | None:
        return self._clock.steady() if self._clock else None

    def _state(self, auction_id: str) -> Answer[Auction | None]:
        return self._pipe.call("HGETALL", keys_of(auction_id).state, convert=auction_of)

    def _schedule_now(self, auction_id: str) -> None:
        """It ended early: let the hammer pass it on to `sales` at once. If this is lost, the hammer comes at the
        end that the auction would have had."""
        with contextlib.suppress(Overloaded, StoreUnavailable):
            self._reschedule(auction_id, 0)

    def _reschedule(self, auction_id: str, due_at: float) -> Answer[Any]:
        return self._pipe.run(RESCHEDULE, (SCHEDULE,), (auction_id, f"{due_at:.3f}", ""))

    async def _is_done(self, auction_id: str, operation_id: str) -> bool:
        return bool(await self._pipe.call("EXISTS", keys_of(auction_id).of_operation(operation_id)))

    async def _answer_to(self, auction_id: str, operation_id: str) -> Auction:
        """The auction as it was just after this operation; as it is now without one, or once that has expired."""
        keys = keys_of(auction_id)
        state = self._pipe.call("HGETALL", keys.state)
        after = self._pipe.call("HGETALL", keys.of_operation(operation_id)) if operation_id else None
        now, then = await _read(state), await _read(after) if after else ()
        auction = auction_of([*now, *then]) if now else None
        if auction is None:
            raise NotFound("the auction has been deleted", code=Code.AUCTION_NOT_FOUND)
        return auction

    def _run(
        self,
        name: str,
        auction_id: str,
        cause: Cause,
        *args: Part,
        keys: tuple[bytes, ...] = (),
        operation_id: str = "",
    ) -> Answer[Any]:
        """`keys` come behind those of common.lua, and before that of the operation."""
        own = keys_of(auction_id)
        operation = (own.of_operation(operation_id),) if operation_id else ()
        all_args = (auction_id, _json.encode(cause), text(self._expected()), *args)
        return self._pipe.run(self._scripts[name], (*own.of_verb, *keys, *operation), all_args, fault=corrupt)

    async def _must_get(self, auction_id: str) -> Auction:
        auction = await self.get(auction_id)
        if auction is None:
            raise CorruptAuction(f"{auction_id} has vanished")
        return auction


async def _read(reply: Answer[Any]) -> Any:
    try:
        return await reply
    except RedisError as error:
        raise corrupt(str(error)) from error
