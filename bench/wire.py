"""The load generator's clients, the same for both sides: one WebSocket, one HTTP/1.1 keep-alive connection."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

_decode = msgspec.json.Decoder()
MAX_CONNECTING = 50


def messages_in(frame: bytes) -> list[dict[str, Any]]:
    """A text frame is one JSON object or an array of them."""
    decoded = _decode.decode(frame)
    return decoded if isinstance(decoded, list) else [decoded]


class Socket(WSListener):
    """One WebSocket. A subclass completes `ready` once it is signed in or subscribed."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None
        self.closed = False

    async def connect(self, host: str, port: int, source: str | None = None, **kwargs: Any) -> None:
        """`kwargs` are those of picows' `ws_connect`."""
        if source:
            kwargs["local_addr"] = (source, 0)
        await ws_connect(
            lambda: self,
            f"ws://{host}:{port}/live/v1",
            extra_headers={"Sec-WebSocket-Protocol": "blytz.v1"},
            websocket_handshake_timeout=30,
            read_buffer_init_size=2_048,
            use_aiofastnet=False,
            **kwargs,
        )
        async with asyncio.timeout(60):
            await self.ready

    def send_text(self, message: bytes) -> None:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, message)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            self.on_text(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self.closed = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server closed the socket"))

    def on_text(self, frame: bytes) -> None:
        raise NotImplementedError

    def disconnect(self) -> None:
        if self.transport is not None:
            self.transport.disconnect(graceful=False)


class HttpConnection(asyncio.Protocol):
    """One keep-alive connection, one request at a time; the answer goes to `on_answer(status, body)`."""

    def __init__(self, on_answer: Callable[[int, bytes], None]) -> None:
        self._on_answer = on_answer
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's do not inherit from asyncio's

    def get(self, path: str) -> None:
        assert self._transport is not None
        self._transport.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def post(self, path: str, headers: str, body: bytes) -> None:
        assert self._transport is not None
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        head, found, body = received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = b""
            self._on_answer(int(head[9:12]), body)

    def disconnect(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect_all(connections: Iterable[Awaitable[None]]) -> None:
    """Connect a few at a time, because a listen queue is short."""
    gate = asyncio.Semaphore(MAX_CONNECTING)

    async def one(connection: Awaitable[None]) -> None:
        async with gate:
            await connection

    await asyncio.gather(*(one(connection) for connection in connections))
