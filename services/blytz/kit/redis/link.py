"""One connection to Redis that is always either working or being made again."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis
import structlog

from blytz.kit.problems import StoreUnavailable
from blytz.kit.redis.address import RedisAddress, address_of
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.metrics import Metrics

log = structlog.get_logger()

Part = str | bytes | int
pack = cast("Callable[[tuple[Part, ...]], bytes]", hiredis.pack_command)


class _LengthHeaders(dict[int, bytes]):
    """By number of bytes: what RESP puts between the part before and a part of this size."""

    def __missing__(self, size: int) -> bytes:
        return b"\r\n$%d\r\n" % size


LENGTH_HEADERS: Final = _LengthHeaders({size: b"\r\n$%d\r\n" % size for size in range(512)})

FIRST_BACKOFF_S = 0.02
MAX_BACKOFF_S = 1.0
CONNECT_TIMEOUT_S = 3.0
CLOSED_WITHIN_S = 1.0
_NOTHING: Final = object()


class _Wire(asyncio.Protocol):
    """One socket of a link. A link has several in turn, and must not take the end of an old one for the end of the
    present one."""

    def __init__(self, link: "RedisLink") -> None:
        self._link = link
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._link.on_data(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._link.gone(self, error)


class RedisLink:
    """Connects, authenticates, waits until Redis has loaded its data, and after a loss tries again with
    full-jitter backoff until closed. Subclasses get each reply in `on_reply`, and are called at `on_up` and
    `on_down`. TCP (`redis://`), TLS (`rediss://`) and unix sockets (`unix://`), with AUTH where the URL has it.
    """

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.up = asyncio.Event()
        self.times_connected = 0
        self.last_heard = 0.0
        """Loop time of the last bytes from Redis."""
        self.away_since = 0.0
        """Loop time of the last bytes before the last loss of a connection; 0 when none was lost yet."""
        self.connected_at = 0.0
        """Loop time at which the present connection, or the last one, was ready."""
        self._address = address_of(url)
        self._wire: _Wire | None = None
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._greeting: asyncio.Future[None] | None = None
        self._greetings_due = 0
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop

    def on_reply(self, reply: Any) -> None:
        raise NotImplementedError

    def on_up(self) -> None:
        """Called when commands can be sent; a fresh connection, with no memory of the one before."""

    def on_down(self) -> None:
        """Called when the connection is gone: replies that are still due never come."""

    async def start(self, tasks: TaskSupervisor | None = None, *, timeout_s: float | None = None) -> None:
        """Begin to connect. With `timeout_s`, wait that long for it and raise TimeoutError."""
        self._loop = asyncio.get_running_loop()
        tasks = tasks or TaskSupervisor(Metrics())
        self._keeper = tasks.start(f"redis_{self.name}", self._keep)
        if timeout_s is not None:
            async with asyncio.timeout(timeout_s):
                await self.up.wait()

    async def close(self) -> None:
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._wire and self._wire.transport:
            self.drop()
            # The socket is closed in a later turn of the loop, which may end with this call.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSED_WITHIN_S):
                    await self._lost.wait()

    def drop(self) -> None:
        """Give up this connection; a new one is made."""
        if self._wire and self._wire.transport:
            self._wire.transport.abort()

    def write(self, data: bytes) -> None:
        """Raises StoreUnavailable when there is no connection."""
        if self._wire is None or self._wire.transport is None:
            raise StoreUnavailable
        self._wire.transport.write(data)

    async def _keep(self) -> None:
        if self._wire and self._wire.transport:
            # An earlier run of this task has failed while this connection was up.
            self.drop()
            await self._lost.wait()
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await self._connect()
            except (OSError, TimeoutError, StoreUnavailable, hiredis.HiredisError) as error:
                self.drop()
                if attempt == 0:
                    log.warning("redis_away", link=self.name, error=str(error) or type(error).__name__)
                await asyncio.sleep(random.uniform(0, min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2**attempt)))
                attempt = min(attempt + 1, 16)
                continue
            attempt = 0
            self.times_connected += 1
            self.connected_at = self._loop.time()
            self.up.set()
            self.on_up()
            await self._lost.wait()
            log.warning("redis_lost", link=self.name)

    async def _connect(self) -> None:
        self._lost.clear()
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._greeting = asyncio.get_running_loop().create_future()
        greetings = self._greetings()
        self._greetings_due = len(greetings)
        loop, address = asyncio.get_running_loop(), self._address
        wire = self._wire = _Wire(self)
        if address.socket:
            await loop.create_unix_connection(lambda: wire, address.socket)
        else:
            await loop.create_connection(lambda: wire, address.host, address.port, ssl=_tls(address))
        self.write(b"".join(pack(greeting) for greeting in greetings))
        await self._greeting

    def _greetings(self) -> list[tuple[Part, ...]]:
        """The commands that begin every connection, before anything else is sent."""
        address = self._address
        greetings: list[tuple[Part, ...]] = []
        if address.password:
            greetings.append(("AUTH", address.username or "default", address.password))
        if address.db:
            greetings.append(("SELECT", address.db))
        greetings.append(("CLIENT", "SETNAME", f"blytz-{self.name}"))
        # Redis answers PING with an error for as long as it loads its data.
        return [*greetings, ("PING",)]

    def on_data(self, wire: _Wire, data: bytes) -> None:
        if wire is not self._wire:
            return
        self.last_heard = self._loop.time()
        reader = self._reader
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not _NOTHING:
                if self._greetings_due:
                    self._greet(reply)
                else:
                    self.on_reply(reply)
        except hiredis.ProtocolError:
            # What follows cannot be matched to what was asked.
            self.drop()

    def _greet(self, reply: Any) -> None:
        self._greetings_due -= 1
        greeting = self._greeting
        if greeting is None or greeting.done():
            return
        if isinstance(reply, hiredis.HiredisError):
            greeting.set_exception(reply)
        elif self._greetings_due == 0:
            greeting.set_result(None)

    def gone(self, wire: _Wire, error: Exception | None) -> None:
        if wire is not self._wire:
            return
        self._wire = None
        if self._greeting and not self._greeting.done():
            self._greeting.set_exception(error or ConnectionResetError("Redis closed the connection"))
        # Before `on_down`, which may raise: `_keep` waits for it.
        self._lost.set()
        if self.up.is_set():
            self.away_since = self.last_heard
            self.up.clear()
            self.on_down()


def _tls(address: RedisAddress) -> ssl.SSLContext | None:
    if not address.is_tls:
        return None
    context = ssl.create_default_context(cafile=address.ca_certs)
    if address.certfile:
        context.load_cert_chain(address.certfile, address.keyfile)
    return context
