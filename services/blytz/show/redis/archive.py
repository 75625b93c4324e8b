"""The events of shows in Redis, as the archiver reads them (port: `show/events/archiver.py`)."""

from collections.abc import Sequence

from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.kit.redis.scripts import load_script
from blytz.show.events.archiver import LoggedEvent, Position
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import corrupt


class RedisEventLog:
    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._archived = load_script(__package__, "archived")

    async def position(self, show_id: str) -> Position | None:
        key = keys_of(show_id).state
        try:
            epoch, seq, archived = await self._pipe.call("HMGET", key, "epoch", "seq", "archived")
            return Position(epoch.decode(), int(seq), int(archived or 0)) if epoch else None
        except (RedisError, ValueError, TypeError) as error:
            raise corrupt(f"{show_id}: {error!r}") from error

    async def events_after(self, show_id: str, seq: int, limit: int) -> Sequence[LoggedEvent]:
        try:
            entries = await self._pipe.call("XRANGE", keys_of(show_id).events, f"({seq}-0", "+", "COUNT", limit)
        except RedisError as error:
            raise corrupt(f"{show_id}: {error!r}") from error
        return [
            LoggedEvent(int(entry_id.partition(b"-")[0]), fields[1], fields[3]) for entry_id, fields in entries
        ]

    async def archived(self, show_id: str, epoch: str, seq: int) -> None:
        await self._pipe.run(self._archived, (keys_of(show_id).state,), (epoch, seq), fault=corrupt)
