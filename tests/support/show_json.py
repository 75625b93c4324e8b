"""Shows and lots as their JSON stands in a log."""

from typing import Any

from blytz.show.events.log import Announcement, ShowSnapshot
from blytz.show.redis.log import RedisShowLog
from tests.support.pipes import connected
from tests.support.platform import Platform

Json = dict[str, Any]
SELLER = {"id": "usr_sam", "name": "Sam"}


def show_json(show_id: str = "shw_1", **fields: Any) -> Json:
    settings = {"mode": "one_at_a_time", "slow_mode_ms": fields.pop("slow_mode_ms", 0)}
    return {
        "show_id": show_id,
        "title": "Pottery night",
        "status": "live",
        "visibility": "public",
        "seller": SELLER,
        "host": {"state": "absent", "since": None},
        "open_lots": [],
        "lots": {"total": 2, "sold": 0},
        "settings": settings,
        **fields,
    }


def lot_json(number: int, **fields: Any) -> Json:
    return {
        "lot_id": f"lot_{number}",
        "number": number,
        "title": f"Bowl {number}",
        "status": "queued",
        "auction_id": None,
        "position": number * 10,
        **fields,
    }


def snapshot(change: int = 0, lots: int = 2, **fields: Any) -> ShowSnapshot:
    """`fields` are those of the show, except `moderators` and `readers`."""
    moderators, readers = fields.pop("moderators", ()), fields.pop("readers", None)
    return ShowSnapshot(
        change, show_json(**fields), [lot_json(number) for number in range(1, lots + 1)], moderators, readers
    )


def opened(change: int, number: int, auction_id: str) -> Announcement:
    lot = lot_json(number, status="open", auction_id=auction_id)
    return Announcement(change, "lot_opened", {"lot": lot, "auction_id": auction_id, "open_lots": [lot["lot_id"]]})


def closed(change: int, number: int, auction_id: str) -> Announcement:
    lot = lot_json(number, status="sold", auction_id=auction_id, price=500)
    public = {"lot": lot, "outcome": "sold", "price": 500, "winner": None, "open_lots": []}
    return Announcement(change, "lot_closed", public)


async def fill(platform: Platform, show_id: str, filled: ShowSnapshot | None = None) -> None:
    """Give the show a state in the Redis of this platform."""
    async with connected(platform.redis_url) as pipe:
        await RedisShowLog(pipe).fill(show_id, filled or snapshot(show_id=show_id))


async def announce(platform: Platform, show_id: str, announcement: Announcement) -> None:
    async with connected(platform.redis_url) as pipe:
        await RedisShowLog(pipe).announce(show_id, announcement)
