"""Serves an ASGI application until cancelled, then lets what is inside finish."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import structlog
import uvicorn

from blytz.kit.http import App

BACKLOG: Final = 2_048
STOP_WITHIN_S: Final = 8
KEEP_ALIVE_S: Final = 75
"""Longer than nginx keeps its side: then a connection is never closed under a request on its way."""

log = structlog.get_logger()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the business of `wiring.run`."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError, for example when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


async def serve(app: App, listener: socket.socket, most_connections: int) -> None:
    """Cancelled, it takes nothing new, answers what is inside and returns within `STOP_WITHIN_S`."""
    config = uvicorn.Config(
        app=_any(app),
        http="httptools",
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        limit_concurrency=most_connections,
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
