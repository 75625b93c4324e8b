"""The HTTP call that buys of a lot at a fixed price (protocol, section 7)."""

from typing import Final

from litestar import Controller, post
from litestar.params import JSONBody
from msgspec import Struct

from blytz.identity.http.callers import SIGNED_IN, caller_of, request_id_of
from blytz.identity.http.responses import TOKEN
from blytz.kit.http.litestar import Call, spec
from blytz.kit.http.parse import Parser
from blytz.kit.http.responses import WRITE_FAILED, documented, malformed_body
from blytz.kit.problems import Forbidden, RateLimited
from blytz.offer.model import Code, PurchaseId, PurchaseReceipt, Quantity, Refused
from blytz.show.http.lot_schemas import LotId
from blytz.show.model import ShowCode
from blytz.show.running.purchases import PurchaseService, purchase_refusal
from blytz.show.service import refusal


class NewPurchase(Struct, frozen=True, forbid_unknown_fields=True):
    """The same `purchase_id` sent again gets the first answer again."""

    purchase_id: PurchaseId
    quantity: Quantity = 1


class PurchaseState(Struct, frozen=True):
    purchase_id: str
    quantity: int
    price: int
    """Of one unit."""
    total: int
    left: int
    """Units of the lot that were left just after it."""
    seq: int
    replayed: bool


def purchase_state(receipt: PurchaseReceipt) -> PurchaseState:
    return PurchaseState(
        purchase_id=receipt.purchase_id,
        quantity=receipt.quantity,
        price=receipt.unit_price,
        total=receipt.quantity * receipt.unit_price,
        left=receipt.left,
        seq=receipt.seq,
        replayed=receipt.replayed,
    )


read_new_purchase = Parser(NewPurchase)
_PURCHASE: Final = documented(
    *TOKEN,
    RateLimited(retry_after_ms=150),
    Forbidden("only a bidder may buy"),
    *(refusal(code) for code in (ShowCode.LOT_NOT_FOUND, ShowCode.LOT_NOT_FIXED_PRICE, ShowCode.LOT_NOT_OPEN)),
    *(
        purchase_refusal(Refused(code, left=1))
        for code in (
            Code.PURCHASE_ID_REUSED,
            Code.OFFER_NOT_OPEN,
            Code.BUYER_IS_SELLER,
            Code.BIDDER_BLOCKED,
            Code.BIDDER_NOT_APPROVED,
            Code.CARD_REQUIRED,
            Code.SOLD_OUT,
            Code.PER_BUYER_REACHED,
        )
    ),
    *malformed_body("quantity", "Expected `int` >= 1"),
    *WRITE_FAILED,
)


class PurchaseCalls(Controller):
    path = "/v1/lots"
    tags = ("purchases",)

    @post("/{lot_id:str}/purchases", **spec("createPurchase", "Buy", _PURCHASE, read_new_purchase), **SIGNED_IN)
    async def create(self, request: Call, lot_id: LotId, data: JSONBody[NewPurchase]) -> PurchaseState:
        """Of an open lot at a fixed price, first come, first served. 201 means recorded and on disk."""
        service: PurchaseService = request.app.state.purchases
        receipt = await service.purchase(
            caller_of(request), lot_id, data.purchase_id, data.quantity, request_id_of(request)
        )
        return purchase_state(receipt)
