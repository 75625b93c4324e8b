"""Serves an ASGI application until cancelled, then lets the requests in progress finish."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final, cast

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from blytz.kit.http.asgi import (
    FOR_THE_OPERATOR,
    App,
    Message,
    Receive,
    Scope,
    Send,
    header,
    safe_request_id,
    send_problem,
)
from blytz.kit.problems import CONTENT_TYPE, InvalidRequest, Overloaded

BACKLOG: Final = 2_048
STOP_WITHIN_S: Final = 8
KEEP_ALIVE_S: Final = 75
"""Longer than nginx keeps an idle connection, so that ours is never closed while nginx sends a request on it."""

log = structlog.get_logger()


class NotHttp(InvalidRequest):
    """With the status that nginx gives to a malformed request, too."""

    status = 400


class _OneWrite:
    """A transport that joins the writes of one loop turn. uvicorn writes the head and the body of an answer apart,
    and each write would be a system call, a packet and a wake-up of the reader (measured: 30 us of CPU a request,
    and 25 with this)."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._later = asyncio.get_running_loop().call_soon
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._later(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts and not self._transport.is_closing():
            self._transport.write(b"".join(self._parts))
        self._parts.clear()


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which answers a connection past the limit, and what is not HTTP, with a problem instead
    of uvicorn's plain text."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_connections, self.limit_concurrency = self.limit_concurrency, None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", _OneWrite(transport))
        if self._max_connections is not None and len(self.connections) > self._max_connections:
            self.app = _any(_past_limit(cast("App", self.app)))

    def send_400_response(self, msg: str) -> None:
        body = NotHttp(msg).body()
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()


def _past_limit(app: App) -> App:
    """The application of a connection past the limit: one answer, `overloaded`, then the connection is closed. The
    operator's pages are answered as usual, because a busy process is alive."""

    async def answer_once(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        if scope["path"] in FOR_THE_OPERATOR:
            await app(scope, receive, send_last)
        else:
            given_id = header(scope["headers"], b"x-request-id")
            await send_problem(send_last, Overloaded(), safe_request_id(given_id))

    return answer_once


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `kit/running.py` handles signals."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError, for example when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


async def serve(app: App, listener: socket.socket, max_connections: int) -> None:
    """When cancelled it accepts nothing new, answers the requests in progress and returns within `STOP_WITHIN_S`.
    A connection past `max_connections` gets one answer, `overloaded`."""
    config = uvicorn.Config(
        app=_any(app),
        http=_Protocol,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        limit_concurrency=max_connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port)
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


def _any(app: App) -> Any:
    # uvicorn's types name every kind of message; ours say only what we use.
    return app
