"""Receives published messages. A message only notifies: the stream is authoritative (decision 0002), so after each
reconnect the owner is called to read there what it missed."""

import asyncio
from collections.abc import Callable
from typing import Any

from blytz.kit.redis.link import RedisLink, pack

PING_EVERY_S = 2.0
SILENT_FOR_S = 5.0


class RedisFeed(RedisLink):
    """Sharded pub/sub (SSUBSCRIBE): a channel lives where its auction lives, on a cluster too.

    `on_message(channel, payload)` runs in the loop; `on_subscribed(channel)` says that from now on nothing
    published there is missed; after a loss it is said again for each channel.
    """

    def __init__(
        self,
        url: str,
        name: str,
        on_message: Callable[[bytes, bytes], None],
        on_subscribed: Callable[[bytes], None],
        *,
        ping_every_s: float = PING_EVERY_S,
        silent_for_s: float = SILENT_FOR_S,
    ) -> None:
        """A connection that sends nothing for `silent_for_s`, though pinged every `ping_every_s`, is dropped."""
        super().__init__(url, name)
        self._ping_every_s, self._silent_for_s = ping_every_s, silent_for_s
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._channels: set[bytes] = set()
        self._pulse: asyncio.TimerHandle | None = None

    def subscribe(self, channel: bytes) -> None:
        self._channels.add(channel)
        if self.up.is_set():
            self.write(pack((b"SSUBSCRIBE", channel)))

    def unsubscribe(self, channel: bytes) -> None:
        self._channels.discard(channel)
        if self.up.is_set():
            self.write(pack((b"SUNSUBSCRIBE", channel)))

    def on_up(self) -> None:
        if self._channels:
            self.write(b"".join(pack((b"SSUBSCRIBE", name)) for name in self._channels))
        self._pulse = asyncio.get_running_loop().call_later(self._ping_every_s, self._check)

    def on_down(self) -> None:
        if self._pulse:
            self._pulse.cancel()

    def on_reply(self, reply: Any) -> None:
        if not isinstance(reply, list):
            return
        if reply[0] == b"smessage":
            self._on_message(reply[1], reply[2])
        elif reply[0] == b"ssubscribe" and reply[1] in self._channels:
            self._on_subscribed(reply[1])

    def _check(self) -> None:
        """Ping the connection, because one that died without a sign would leave viewers with a stale price."""
        loop = asyncio.get_running_loop()
        if loop.time() - self.last_heard > self._silent_for_s:
            self.drop()
            return
        self.write(pack((b"PING",)))
        self._pulse = loop.call_later(self._ping_every_s, self._check)
