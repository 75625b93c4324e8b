"""Offers in Redis: the only module that knows their scripts.

An offer is entered in `{sales}:offers` before it is created: an entry without an offer is harmless, purchases of
an offer without an entry would never reach `sales`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from blytz.auction.model import Cause, Event, PauseReason, Standing
from blytz.auction.redis.commands import read_log, write_standings
from blytz.auction.redis.scripts import put_together
from blytz.auction.redis.state import whole
from blytz.auction.store import NO_STANDINGS
from blytz.kit.answer import Answer
from blytz.kit.problems import NotFound
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import RedisError, RedisPipe, Script
from blytz.offer.model import (
    Code,
    Offer,
    OfferListing,
    Purchase,
    PurchaseReceipt,
    Refused,
    Status,
    Verb,
)
from blytz.offer.redis.keys import OPEN_OFFERS, keys_of
from blytz.offer.store import CorruptOffer

SCRIPTS: Final = {"open": (), "purchase": (), "change": ()}
"""As those of auctions; none needs a library of its own."""

log = structlog.get_logger()
_json = msgspec.json.Encoder()
_listing = msgspec.json.Decoder(OfferListing)


def load_scripts(edit: Callable[[str], str] = lambda source: source) -> dict[str, Script]:
    """The scripts of one offer by name. `edit` lets a test change a source."""
    return put_together(__package__, SCRIPTS, edit)


class RedisOfferStore:
    """`OfferStore` over one pipelined connection (see the port for what each verb promises)."""

    def __init__(self, pipe: RedisPipe, scripts: dict[str, Script] | None = None) -> None:
        self._pipe = pipe
        self._scripts = scripts or load_scripts()

    async def create(
        self, listing: OfferListing, cause: Cause, *, standings: Mapping[Standing, Collection[str]] = NO_STANDINGS
    ) -> Offer:
        offer_id = listing.offer_id
        if existing := await self.get(offer_id):
            # Ended since, it must not be entered again: its purchases would be passed on twice.
            return existing
        await self._pipe.call("HSETNX", OPEN_OFFERS, offer_id, 0)
        for standing, buyer_ids in standings.items():
            await self.set_standing(offer_id, buyer_ids, standing)
        await self._run("open", offer_id, cause, *_new_state(listing))
        return await self._must_get(offer_id)

    async def purchase(self, offer_id: str, asked: Purchase, cause: Cause) -> PurchaseReceipt | Refused:
        buyer, keys = asked.buyer, keys_of(offer_id)
        reply = await self._run(
            "purchase",
            offer_id,
            cause,
            buyer.id,
            _json.encode(buyer),
            asked.purchase_id,
            asked.quantity,
            keys=keys.of_purchase,
        )
        if reply[0] == b"refused":
            return _refused(reply)
        _, seq, quantity, unit_price, sale, left, replayed, _ = reply
        return PurchaseReceipt(asked.purchase_id, seq, quantity, unit_price, sale == 1, left, replayed == 1)

    async def recorded(self, offer_id: str, buyer_id: str, purchase_id: str) -> PurchaseReceipt | None:
        record: bytes | None = await _read(
            self._pipe.call("HGET", keys_of(offer_id).purchases, f"{purchase_id}:{buyer_id}")
        )
        if record is None:
            return None
        # As `purchase.lua` writes it.
        try:
            quantity, unit_price, sale, seq, left = map(whole, record.split())
        except ValueError as error:
            raise _corrupt(f"{offer_id} purchase {purchase_id}: {error!r}") from error
        return PurchaseReceipt(purchase_id, seq, quantity, unit_price, sale == 1, left, replayed=True)

    async def change(
        self, offer_id: str, verb: Verb, cause: Cause, reason: PauseReason = "seller", operation_id: str = ""
    ) -> Offer | Refused:
        keys = keys_of(offer_id)
        named = (*keys.of_verb, keys.of_operation(operation_id)) if operation_id else keys.of_verb
        reply = await self._run("change", offer_id, cause, verb, reason, keys=named)
        return _refused(reply) if reply[0] == b"refused" else await self._must_get(offer_id)

    async def set_standing(
        self, offer_id: str, buyer_ids: Collection[str], standing: Standing, *, held: bool = True
    ) -> None:
        for part in write_standings(self._pipe, keys_of(offer_id).bidders, buyer_ids, standing, held=held):
            await _read(part)

    async def get(self, offer_id: str) -> Offer | None:
        offer: Offer | None = await _read(self._pipe.call("HGETALL", keys_of(offer_id).state, convert=_offer_of))
        return offer

    async def events(self, offer_id: str, after: int, limit: int) -> Sequence[Event]:
        found: list[Event] = await _read(read_log(self._pipe, keys_of(offer_id).events, after, limit))
        return found

    async def _must_get(self, offer_id: str) -> Offer:
        offer = await self.get(offer_id)
        if offer is None:
            raise NotFound("the offer has been deleted", code=Code.OFFER_NOT_FOUND)
        return offer

    def _run(
        self, name: str, offer_id: str, cause: Cause, *args: Part, keys: tuple[bytes, ...] = ()
    ) -> Answer[Any]:
        named = keys or keys_of(offer_id).of_verb
        return self._pipe.run(self._scripts[name], named, (offer_id, _json.encode(cause), *args), fault=_corrupt)


async def _read(reply: Answer[Any]) -> Any:
    try:
        return await reply
    except RedisError as error:
        raise _corrupt(str(error)) from error


def _corrupt(text: str) -> CorruptOffer:
    """Logs what is not valid in Redis, and returns the exception for it."""
    log.error("corrupt_offer", error=text)
    return CorruptOffer()


def _refused(reply: Any) -> Refused:
    _, code, seq, left, _ = reply
    return Refused(Code(code.decode()), seq, left)


def _new_state(listing: OfferListing) -> list[Part]:
    """The state hash of a new offer, as field, value, field, value."""
    terms, sale = listing.terms, listing.terms.sale
    state: dict[str, Part] = {
        "listing": _json.encode(listing),
        "seller_id": listing.seller.id,
        "price": terms.price,
        "quantity": terms.quantity,
        "per_buyer": "" if terms.per_buyer is None else terms.per_buyer,
        "sale_price": sale.price if sale else "",
        "sale_for_ms": sale.for_ms if sale else "",
        "requirements": " ".join(listing.requirements),
        "status": Status.OPEN.value,
        "left": terms.quantity,
        **dict.fromkeys(("seq", "clock", "opened_at"), 0),
        **dict.fromkeys(("sale_ends_at", "sale_remaining_ms"), ""),
    }
    return [part for pair in state.items() for part in pair]


def _offer_of(reply: Any) -> Offer | None:
    """The state hash as it comes from HGETALL."""
    if not reply:
        return None
    state = {name.decode(): value for name, value in zip(reply[::2], reply[1::2], strict=True)}
    try:
        return Offer(
            listing=_listing.decode(state["listing"]),
            status=Status(state["status"].decode()),
            seq=whole(state["seq"]),
            clock=whole(state["clock"]),
            left=whole(state["left"]),
            opened_at=whole(state["opened_at"]),
            sale_ends_at=whole(state["sale_ends_at"]) if state["sale_ends_at"] else None,
            sale_remaining_ms=whole(state["sale_remaining_ms"]) if state["sale_remaining_ms"] else None,
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise _corrupt(f"{state.get('listing', b'')[:80]!r}: {error!r}") from error
