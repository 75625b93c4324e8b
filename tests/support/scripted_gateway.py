"""A gateway whose messages the test controls, for what a real one does rarely and not on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

WITHIN_S = 10.0


class Connection(WSListener):
    """The connection of one client."""

    def __init__(self, gateway: "ScriptedGateway") -> None:
        self._gateway = gateway
        self._transport: WSTransport | None = None
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        if self._gateway.welcomes:
            self.send({"type": "welcome", "session": "ses_1", "server_at": 1_000, "heartbeat_ms": 20_000})
        self._gateway.connections.put_nowait(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            message = msgspec.json.decode(frame.get_payload_as_bytes())
            if message["type"] != "ping":
                self.received.put_nowait(message)
            elif self._gateway.answers_pings:
                self.send({"type": "pong", "server_at": self._gateway.server_at})
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def send(self, message: object) -> None:
        """Sends a message, or a list of messages as a batch."""
        self.send_text(msgspec.json.encode(message))

    def send_text(self, text: bytes) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, text)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            return await self.received.get()

    def close(self, code: int) -> None:
        assert self._transport is not None
        self._transport.send_close(code)  # type: ignore[arg-type]  # codes of the protocol are not in its enum

    def cut(self) -> None:
        """Closes without a close frame."""
        assert self._transport is not None
        self._transport.disconnect(graceful=False)


class ScriptedGateway:
    def __init__(self) -> None:
        self.connections: asyncio.Queue[Connection] = asyncio.Queue()
        self.server_at = 1_000
        self.answers_pings = True
        self.welcomes = True
        self.port = 0
        self.requests: list[WSUpgradeRequest] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/live/v1"

    def listener(self, request: WSUpgradeRequest) -> Connection:
        self.requests.append(request)
        return Connection(self)

    async def next(self) -> Connection:
        """The next client that connects."""
        async with asyncio.timeout(WITHIN_S):
            return await self.connections.get()


@asynccontextmanager
async def scripted_gateway() -> AsyncIterator[ScriptedGateway]:
    gateway = ScriptedGateway()
    server = await ws_create_server(gateway.listener, "127.0.0.1", 0)
    gateway.port = server.sockets[0].getsockname()[1]
    try:
        yield gateway
    finally:
        server.close()
        await server.wait_closed()
