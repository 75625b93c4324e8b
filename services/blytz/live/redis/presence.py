"""How many viewers each topic has at all gateways together (port: `ReportViewers` in `live/server.py`)."""

from collections.abc import Mapping
from typing import Final

from blytz.kit.presence import FRESH_FOR_S, MAX_GATEWAYS
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script
from blytz.kit.topics import TopicLog
from blytz.live.protocol import split_topic

VIEWERS: Final = b"viewers:"
"""Begins a message with the total on a topic's channel, beside the events."""


class RedisPresence:
    def __init__(self, pipe: RedisPipe, logs: Mapping[str, TopicLog]) -> None:
        """`logs` by the kind of topic."""
        self._pipe = pipe
        self._logs = logs
        self._script = load_script(__package__, "presence")

    async def report(self, topic: str, gateway: str, count: int) -> None:
        """Set the viewers at this gateway and publish the total. Raises `StoreUnavailable`, `Overloaded`, and
        `CorruptRecord` for a key of another type."""
        kind, subject_id = split_topic(topic)
        log = self._logs[kind]
        keys = (log.viewers_of(subject_id), log.channel_of(subject_id), *log.kept_by_viewers(subject_id))
        args = (gateway, count, FRESH_FOR_S, MAX_GATEWAYS)
        await self._pipe.run(self._script, keys, args, fault=log.fault)
