"""The gateway's listening socket: who may connect, which connections are alive, how all are closed."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from itertools import accumulate
from operator import itemgetter
from typing import Any

import structlog
from multidict import CIMultiDict
from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server

from blytz.kit.http.pages import Page
from blytz.kit.ids import new_id
from blytz.kit.problems import CONTENT_TYPE, CorruptRecord, NotFound, Overloaded, StoreUnavailable, UpgradeRequired
from blytz.kit.tasks import TaskSupervisor
from blytz.live import protocol
from blytz.live.address_slot import AddressSlot
from blytz.live.connection import Connection
from blytz.live.context import ClientConnection, GatewayContext

log = structlog.get_logger()

PATH = b"/live/v1"
BACKLOG = 4_096
READ_BUFFER_BYTES = 1_024
"""Initial size; it grows for a connection that sends more. Small, because each of 10,000 idle viewers has one."""
MAX_FRAME_BYTES = 4 * protocol.MAX_AUTH_BYTES
"""Longer than allowed, so that a frame somewhat too long gets our error; past it picows closes with 1009."""
BATCH_SIZE = 200
"""Connections handled in one turn of the loop."""
CLOSE_GRACE_S = 8.0
"""How long `drain` waits for the answers to bids in flight."""
DISCONNECT_GRACE_S = 2.0
"""How long clients that were asked to reconnect may stay. Short, because the new process needs the port."""
REPORT_AGAIN_S = 10.0
QUEUES_CHECKED_EVERY_S = 0.5
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

ReportViewers = Callable[[str, str, int], Awaitable[None]]


class Gateway:
    """Serves `/live/v1`, and to the operator, on the same port, the `pages` (`/health`, `/ready`, `/metrics`)."""

    def __init__(
        self,
        context: GatewayContext,
        pages: dict[bytes, Page],
        report_viewers: ReportViewers,
        store_is_up: Callable[[], bool],
    ) -> None:
        self._context = context
        self._pages = pages
        self._report_viewers = report_viewers
        self._store_is_up = store_is_up
        self._name = new_id("gw")
        self._reported: dict[str, tuple[int, float]] = {}
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, tasks: TaskSupervisor) -> None:
        """Raises OSError when the port is taken."""
        settings = self._context.settings
        # picows makes a logger for each connection out of a Logger, and uses anything else as it is.
        quiet = logging.LoggerAdapter(logging.getLogger("picows"), {})
        quiet.logger.setLevel(logging.ERROR)
        quiet.logger.addFilter(_is_our_fault)
        self._server = await ws_create_server(
            self._greet,
            settings.host,
            settings.live_port,
            logger_name=quiet,
            max_frame_size=MAX_FRAME_BYTES,
            enable_auto_pong=False,  # A connection answers pings itself, and counts them.
            read_buffer_init_size=READ_BUFFER_BYTES,
            backlog=BACKLOG,
        )
        self._tasks = [
            tasks.start("heartbeat", self._keep_alive),
            tasks.start("viewers", self._keep_count),
            tasks.start("dataset", self._context.hub.check_dataset),
            tasks.start("store", self._watch_store),
            tasks.start("queues", self._bound_queues),
        ]
        log.info("listening", host=settings.host, port=settings.live_port)

    async def drain(self) -> None:
        """Accept no more connections, answer the bids in flight, close every connection with 1012; within 10 s."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        log.info("draining", connections=len(self._context.connections))
        connections = list(self._context.connections)
        async for connection in _in_batches(connections, pause_s=0.005):
            connection.retire()
        deadline = time.monotonic() + CLOSE_GRACE_S
        wait_until = time.monotonic() + DISCONNECT_GRACE_S
        while time.monotonic() < wait_until:
            staying = [connection for connection in connections if connection.is_connected]
            if not staying:
                break
            if any(connection.closing is None for connection in staying):
                # A bid is not answered yet.
                wait_until = min(time.monotonic() + DISCONNECT_GRACE_S, deadline)
            await asyncio.sleep(0.02)
        for connection in connections:
            connection.cut()

    def _greet(self, request: WSUpgradeRequest) -> Any:
        path = bytes(request.path).partition(b"?")[0]
        if path == PATH:
            return self._admit(request)
        page = self._pages.get(path)
        status, kind, body = page() if page else (404, CONTENT_TYPE, NotFound().body())
        return WSUpgradeResponseWithListener(_response(status, kind, body), None)

    def _admit(self, request: WSUpgradeRequest) -> Any:
        if "upgrade" not in request.headers:
            plain = UpgradeRequired(f"open it as a WebSocket with the subprotocol {protocol.SUBPROTOCOL}")
            return WSUpgradeResponseWithListener(_response(plain.status, CONTENT_TYPE, plain.body()), None)
        refuse_with = None
        headers = request.headers
        origin = headers.get("origin")
        # Only a browser sends an origin.
        if origin is not None and not self._context.origins.welcomes(origin):
            refuse_with = protocol.ORIGIN_REFUSED
        elif len(self._context.connections) >= self._context.settings.most_connections:
            refuse_with = protocol.TOO_MANY
        request_id = request.headers.get("x-request-id", "")
        request_id = request_id if _REQUEST_ID.match(request_id) else new_id("req")
        extra = CIMultiDict({"X-Request-Id": request_id})
        offered = request.headers.get("sec-websocket-protocol", "")
        if protocol.SUBPROTOCOL in [name.strip() for name in offered.split(",")]:
            extra["Sec-WebSocket-Protocol"] = protocol.SUBPROTOCOL
        response = WSUpgradeResponse.create_101_response(extra)
        slot = AddressSlot(self._context, headers.get("x-forwarded-for"))
        return WSUpgradeResponseWithListener(response, Connection(self._context, request_id, slot, refuse_with))

    async def _keep_alive(self) -> None:
        """Ping each client that is silent for one heartbeat, cut each that is silent for two."""
        context = self._context
        while True:
            await asyncio.sleep(context.settings.heartbeat_ms / 2_000)
            context.beat += 1
            async for connection in _in_batches(context.connections):
                silent = context.beat - connection.received_at
                if silent > 4:
                    connection.cut()
                elif silent >= 2:
                    connection.ping()

    async def _bound_queues(self) -> None:
        """Cut those with the longest send queues while all queues together have more than their bound: each may
        be within its own when thousands of clients stop reading at once."""
        context = self._context
        while True:
            await asyncio.sleep(QUEUES_CHECKED_EVERY_S)
            clients = [*context.connections, *context.leaving]
            queued = [(connection.queued_bytes, connection) async for connection in _in_batches(clients)]
            too_much = sum(size for size, _ in queued) - context.settings.send_queues_bytes
            if too_much <= 0:
                continue
            longest_first = sorted(queued, key=itemgetter(0), reverse=True)
            before = accumulate((size for size, _ in longest_first), initial=0)
            slow = [each for (_, each), freed in zip(longest_first, before, strict=False) if freed < too_much]
            log.warning("send_queues_full", connections=len(slow), bytes=too_much)
            async for connection in _in_batches(slow):
                connection.close(protocol.TOO_SLOW)
                # Whatever is queued for it goes at once.
                connection.cut()

    async def check_callers(self) -> None:
        """Disconnect users who were banned meanwhile."""
        async for connection in _in_batches(self._context.connections):
            connection.check_caller()

    async def _keep_count(self) -> None:
        """Report how many watch each topic here: when that has changed, and again before the entry expires."""
        while True:
            await asyncio.sleep(1.0)
            self._context.hub.send_viewers()
            now, here = time.monotonic(), dict(self._context.hub.readers())
            due = [
                (topic, here.get(topic, 0))
                for topic in {*here, *self._reported}
                if self._must_report(topic, here.get(topic, 0), now)
            ]
            with contextlib.suppress(StoreUnavailable, Overloaded):
                for topic, count in due:
                    # It is logged, and the other topics go on; the next attempt is after `REPORT_AGAIN_S`.
                    with contextlib.suppress(CorruptRecord):
                        await self._report_viewers(topic, self._name, count)
                    self._reported[topic] = (count, now)
                    if count == 0:
                        del self._reported[topic]

    def _must_report(self, topic: str, count: int, now: float) -> bool:
        reported, at = self._reported.get(topic, (0, now))
        return count != reported or now - at > REPORT_AGAIN_S

    async def _watch_store(self) -> None:
        """When the store goes away, every client gets one error and stays connected."""
        was_up = True
        while True:
            await asyncio.sleep(0.25)
            is_up = self._store_is_up()
            if was_up and not is_up:
                away = protocol.encode(protocol.Error(StoreUnavailable.code, StoreUnavailable.title))
                async for connection in _in_batches(self._context.connections):
                    connection.send(away)
            was_up = is_up


async def _in_batches(
    connections: Collection[ClientConnection], pause_s: float = 0.0
) -> AsyncIterator[ClientConnection]:
    """Each connection in turn. Other work of the process gets its turn after every `BATCH_SIZE` of them."""
    for number, connection in enumerate(list(connections), 1):
        yield connection
        if number % BATCH_SIZE == 0:
            await asyncio.sleep(pause_s)


def _is_our_fault(record: logging.LogRecord) -> bool:
    """picows logs two things: protocol errors of clients, which are no news, and exceptions of a connection."""
    return record.exc_info is not None or "WSListener" in record.msg


def _response(status: int, kind: str, body: bytes) -> Any:
    headers = {"Content-Type": kind}
    if status < 400:
        return WSUpgradeResponse.create_ok_response(body, headers)
    return WSUpgradeResponse.create_error_response(status, body, headers)
