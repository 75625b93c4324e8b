"""Commands that the stores of auctions and of offers have in common."""

from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

from blytz.auction.model import Event, Standing
from blytz.kit.answer import Answer
from blytz.kit.redis.pipe import RedisPipe

MAX_STANDINGS_AT_ONCE: Final = 1_000
_object = msgspec.json.Decoder(dict[str, Any])


def write_standings(
    pipe: RedisPipe, key: bytes, user_ids: Collection[str], standing: Standing, *, held: bool
) -> Iterator[Answer[Any]]:
    """In parts, so that no bid waits for all of them: each is sent when the one before it has been answered."""
    command = "SADD" if held else "SREM"
    members = [f"{standing.value}:{user_id}" for user_id in user_ids]
    for first in range(0, len(members), MAX_STANDINGS_AT_ONCE):
        yield pipe.call(command, key, *members[first : first + MAX_STANDINGS_AT_ONCE])


def read_log(pipe: RedisPipe, key: bytes, after: int, limit: int) -> Answer[Any]:
    """Events with `after < seq`, oldest first, at most `limit`."""
    return pipe.call("XRANGE", key, f"({after}-0", "+", "COUNT", limit, convert=_events_of)


def _events_of(entries: Any) -> list[Event]:
    return [Event(_object.decode(fields[1]), _object.decode(fields[3])) for _, fields in entries]
