"""Shows and lots as rows of their tables, and back."""

from typing import Any, Final

import msgspec

from blytz.auction.model import Party
from blytz.show.model import Host, Lot, LotStatus, LotTerms, Show, ShowSettings, ShowStatus
from blytz.show.rules import listed_at
from blytz.show.words import words_of

_read_texts: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_read_settings: Final = msgspec.json.Decoder(ShowSettings).decode
_read_terms: Final = msgspec.json.Decoder(LotTerms).decode


def row_of_show(show: Show) -> dict[str, Any]:
    row = msgspec.structs.asdict(show)
    rank, at = listed_at(show)
    seller, host = row.pop("seller"), row.pop("host")
    return row | {
        "seller_id": seller.id,
        "seller_name": seller.name,
        "tags": json_text(show.tags),
        "settings": json_text(show.settings),
        "is_ending": int(show.is_ending),
        "host_state": host.state,
        "host_since": host.since,
        "is_listed": int(show.visibility == "public" and show.status is not ShowStatus.DRAFT),
        "listed_rank": rank,
        "listed_at": at,
        "words": " ".join(words_of(show.title, *show.tags, seller.name, show.description)),
    }


def show_of_row(row: Any) -> Show:
    return Show(
        show_id=row.show_id,
        seller=Party(row.seller_id, row.seller_name),
        title=row.title,
        description=row.description,
        category=row.category,
        tags=_read_texts(row.tags),
        cover=row.cover,
        status=ShowStatus(row.status),
        visibility=row.visibility,
        scheduled_at=row.scheduled_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        settings=_read_settings(row.settings),
        version=row.version,
        is_ending=row.is_ending == 1,
        next_lot_at=row.next_lot_at,
        host=Host(row.host_state, row.host_since),
        host_pause_at=row.host_pause_at,
        pause_reason=row.pause_reason,
    )


def row_of_lot(lot: Lot) -> dict[str, Any]:
    row = msgspec.structs.asdict(lot)
    winner = row.pop("winner")
    return row | {
        "units_left": row.pop("left"),
        "images": json_text(lot.images),
        "terms": json_text(lot.terms),
        "winner_id": winner.id if winner else None,
        "winner_name": winner.name if winner else None,
        "words": _lot_words(lot),
    }


def lot_of_row(row: Any) -> Lot:
    return Lot(
        lot_id=row.lot_id,
        show_id=row.show_id,
        number=row.number,
        position=row.position,
        title=row.title,
        description=row.description,
        condition=row.condition,
        images=_read_texts(row.images),
        quantity=row.quantity,
        unit=row.unit,
        terms=_read_terms(row.terms),
        status=LotStatus(row.status),
        run=row.run,
        auction_id=row.auction_id,
        price=row.price,
        winner=None if row.winner_id is None else Party(row.winner_id, row.winner_name),
        pre_bids=row.pre_bids,
        left=row.units_left,
    )


def _lot_words(lot: Lot) -> str:
    return " ".join(words_of(lot.title, lot.condition, lot.description))


def json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
