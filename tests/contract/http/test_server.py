"""Answers of the HTTP server itself, for invalid bytes and for connections over its limit."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from blytz.kit.http.asgi import Receive, Scope, Send
from blytz.kit.http.server import listen, serve

MAX_CONNECTIONS = 3
HOST = "127.0.0.1"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"].encode()
    length = (b"content-length", b"%d" % len(path))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": path})


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        self._writer.write(request)
        head, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        return int(head.split(" ")[1]), headers, await self._reader.readexactly(int(headers["content-length"]))

    async def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return await self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def is_over(self) -> bool:
        """Whether the server closed the connection, once everything was read."""
        return await self._reader.read() == b""

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class LimitedServer:
    """A server that accepts `MAX_CONNECTIONS` connections, and its clients."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection(HOST, self._port))
        self._clients.append(client)
        return client

    async def fill(self) -> list[Client]:
        """Opens as many as are allowed; the server has accepted each when this returns."""
        clients = [await self.connect() for _ in range(MAX_CONNECTIONS)]
        for client in clients:
            assert (await client.get("/hello"))[0] == 200
        return clients

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


@pytest.fixture
async def limited_server() -> AsyncIterator[LimitedServer]:
    listener = listen(HOST, 0)
    serving = asyncio.create_task(serve(_app, listener, max_connections=MAX_CONNECTIONS))
    limited_server = LimitedServer(listener.getsockname()[1])
    yield limited_server
    await limited_server.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_connection_over_the_limit_is_refused_with_a_problem(limited_server: LimitedServer) -> None:
    crowd = await limited_server.fill()
    late = await limited_server.connect()
    status, headers, body = await late.get("/v1/auctions")
    problem = json.loads(body)
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert (problem["code"], problem["status"], problem["retry_after_ms"]) == ("overloaded", 503, 500)
    assert headers["retry-after"] == "1"
    assert headers["x-request-id"]
    assert await late.is_over()
    # The earlier connections still work.
    assert [(await client.get("/hello"))[0] for client in crowd] == [200] * MAX_CONNECTIONS


async def test_a_closed_connection_frees_its_slot(limited_server: LimitedServer) -> None:
    crowd = await limited_server.fill()
    await crowd.pop().close()
    status, body = 503, b""
    while status == 503:
        status, _, body = await (await limited_server.connect()).get("/v1/auctions")
    assert (status, body) == (200, b"/v1/auctions")


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_operator_pages_are_answered_even_at_the_connection_limit(
    limited_server: LimitedServer, path: str
) -> None:
    await limited_server.fill()
    late = await limited_server.connect()
    status, headers, body = await late.get(path)
    assert (status, body) == (200, path.encode())
    assert headers["connection"] == "close"
    assert await late.is_over()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"what is this\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_answered_with_a_problem(
    limited_server: LimitedServer, request_bytes: bytes
) -> None:
    client = await limited_server.connect()
    status, headers, body = await client.ask(request_bytes)
    problem = json.loads(body)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert (problem["code"], problem["status"]) == ("invalid_request", 400)
    assert headers["connection"] == "close"
    assert await client.is_over()
