"""A client of the live protocol that builds its own frames, and so can also send invalid ones."""

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from typing import Any, Self

import msgspec

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
WITHIN_S = 10.0
ABNORMAL = 1006


class Closed(Exception):
    """The gateway closed the connection; `code` is its close code, 1006 without a close frame."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, masked: bool = True) -> bytes:
    size = len(payload)
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([mask_bit | size])
    elif size < 65_536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    whole = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(size, "big")


def handshake(port: int, path: str = "/live/v1", **headers: str) -> bytes:
    """Header names have `_` for `-`."""
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""]).encode()


class Client:
    """`await Client.open(port)`; `messages` are those of all text frames in order, with batches split."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.head = ""
        self.frames: list[int] = []
        """How many messages each text frame held."""
        self._ready: list[dict[str, Any]] = []
        self.answers_pings = True

    @classmethod
    async def open(cls, port: int, **headers: str) -> Self:
        """Connects, before `welcome`. Raises ConnectionError with the head of any answer other than 101."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))
        client.writer.write(handshake(port, **headers))
        client.head = (await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), WITHIN_S)).decode()
        if " 101 " not in client.head.split("\r\n", maxsplit=1)[0]:
            client.writer.close()
            raise ConnectionError(client.head)
        return client

    def send(self, *messages: dict[str, Any]) -> None:
        """Sends each message in its own frame."""
        for message in messages:
            self.send_text(msgspec.json.encode(message))

    def send_text(self, text: bytes) -> None:
        self.writer.write(frame(text))

    async def frame(self) -> tuple[int, bytes]:
        """The next data or control frame as (opcode, payload). Raises `Closed`."""
        try:
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            assert not second & 0x80, "a server does not mask"
            assert first & 0x80, "this server does not fragment"
            return first & 0xF, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Closed(ABNORMAL) from None

    async def next(self, within_s: float = WITHIN_S) -> dict[str, Any]:
        """The next message. Raises `Closed`, or TimeoutError."""
        async with asyncio.timeout(within_s):
            while not self._ready:
                opcode, payload = await self.frame()
                if opcode == CLOSE:
                    raise Closed(struct.unpack("!H", payload[:2])[0] if payload else 1005)
                if opcode == PING and self.answers_pings:
                    self.writer.write(frame(payload, PONG))
                elif opcode == TEXT:
                    received = msgspec.json.decode(payload)
                    many = received if isinstance(received, list) else [received]
                    self.frames.append(len(many))
                    self._ready += many
            return self._ready.pop(0)

    async def receive(self, kind: str, **fields: object) -> dict[str, Any]:
        """The next message of this type and these fields; others are skipped."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                message = await self.next()
                if message["type"] == kind and fields.items() <= message.items():
                    return message

    async def ask(self, message: dict[str, Any], kind: str, **fields: object) -> dict[str, Any]:
        self.send(message)
        return await self.receive(kind, **fields)

    async def sign_in(self, token: str) -> dict[str, Any]:
        return await self.ask({"type": "auth", "token": token}, "authenticated")

    async def watch(self, auction_id: str, **more: object) -> dict[str, Any]:
        """The snapshot or replay, whichever it is."""
        return await self.watch_topic(f"auction:{auction_id}", **more)

    async def watch_topic(self, topic: str, **more: object) -> dict[str, Any]:
        self.send({"type": "watch", "topic": topic, **more})
        while (message := await self.next())["type"] not in ("snapshot", "replay"):
            assert message["type"] != "error", message
        return message

    async def drain(self) -> list[dict[str, Any]]:
        """Sends a ping, and returns all messages received before its answer."""
        self.send({"type": "ping", "ref": "silence?"})
        received = []
        while (message := await self.next()).get("ref") != "silence?":
            received.append(message)
        return received

    async def closed(self, within_s: float = WITHIN_S) -> int:
        """Waits for the close code; messages before it are dropped."""
        return (await self.rest(within_s))[1]

    async def rest(self, within_s: float = WITHIN_S) -> tuple[list[dict[str, Any]], int]:
        """All messages until the close, and its code. Raises TimeoutError."""
        received: list[dict[str, Any]] = []
        async with asyncio.timeout(within_s):
            while True:
                try:
                    received.append(await self.next(within_s))
                except Closed as closed:
                    return received, closed.code

    def leave(self) -> None:
        self.writer.close()


@contextlib.asynccontextmanager
async def welcomed(port: int, token: str = "", **headers: str) -> AsyncIterator[Client]:
    """A client that has received `welcome`, signed in if there is a token."""
    client = await Client.open(port, **headers)
    try:
        assert (await client.next())["type"] == "welcome"
        if token:
            await client.sign_in(token)
        yield client
    finally:
        client.leave()
