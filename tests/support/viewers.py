"""Many viewers in one loop, each with its own copy of the history, in which each gap is a fault."""

import asyncio
import time
from functools import lru_cache
from typing import Any

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from blytz.client.wire import close_code

BATCH_SIZE = 100


@lru_cache(maxsize=4_096)
def read(frame: bytes) -> tuple[dict[str, Any], ...]:
    """Cached, because most viewers get the same frames."""
    received = msgspec.json.decode(frame)
    return tuple(received) if isinstance(received, list) else (received,)


class Viewer(WSListener):
    """Watches one auction, and resumes on each new connection."""

    def __init__(self, auction_id: str) -> None:
        self.topic = f"auction:{auction_id}"
        self.seq: int | None = None
        self.epoch: str | None = None
        self.history: list[tuple[int, int]] = []
        """`(seq, price)` of every event, each once; a snapshot starts it again."""
        self.snapshots = 0
        self.replays = 0
        self.faults: list[str] = []
        self.errors: list[str] = []
        self.codes: list[int] = []
        self.received_at: dict[int, float] = {}
        """When each event came (time.time), for those who measure."""
        self.batches: list[tuple[int, int]] = []
        """First and last seq of each frame with events."""
        self.is_open = False
        self._transport: WSTransport | None = None

    async def connect(self, port: int) -> None:
        """Raises OSError."""
        try:
            await ws_connect(lambda: self, f"ws://127.0.0.1:{port}/live/v1", websocket_handshake_timeout=10)
        except Exception as error:
            raise ConnectionError(str(error)) from error

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport, self.is_open = transport, True
        known = {} if self.epoch is None else {"after": self.seq, "epoch": self.epoch}
        self.send({"type": "watch", "topic": self.topic, **known})

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_open = False
        self.codes.append(close_code(transport))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            events = []
            for message in read(frame.get_payload_as_bytes()):
                self._take(message)
                if message["type"] == "event":
                    events.append(message["seq"])
            if events:
                self.batches.append((events[0], events[-1]))
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def send(self, message: dict[str, Any]) -> None:
        if self._transport:
            self._transport.send(WSMsgType.TEXT, msgspec.json.encode(message))

    def cut(self) -> None:
        """Closes without a close frame, as a phone that loses its network."""
        if self._transport:
            self._transport.disconnect(graceful=False)

    def leave(self) -> None:
        if self._transport and self.is_open:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "snapshot":
                self.snapshots += 1
                self.seq, self.epoch = message["seq"], message["epoch"]
                self.history = []
                if message["state"]["seq"] != self.seq:
                    self.faults.append("a snapshot whose state has another number")
            case "replay":
                self.replays += 1
                for event in message["events"]:
                    self._apply(event)
                if self.seq != message["seq"]:
                    self.faults.append(f"a replay to {message['seq']} that ends at {self.seq}")
            case "event":
                self._apply(message)
                self.received_at.setdefault(message["seq"], time.time())
            case "error":
                self.errors.append(message["code"])

    def _apply(self, event: dict[str, Any]) -> None:
        if self.seq is None or event["seq"] != self.seq + 1:
            self.faults.append(f"{event['seq']} after {self.seq}")
        self.seq = event["seq"]
        self.history.append((event["seq"], event["price"]))


async def connect_all(viewers: list[Viewer], port: int) -> None:
    for first in range(0, len(viewers), BATCH_SIZE):
        await asyncio.gather(*(viewer.connect(port) for viewer in viewers[first : first + BATCH_SIZE]))


async def reconnect(viewer: Viewer, port: int, within_s: float = 20.0) -> None:
    """Reconnects until it succeeds."""
    async with asyncio.timeout(within_s):
        while not viewer.is_open:
            try:
                await viewer.connect(port)
            except OSError:
                await asyncio.sleep(0.05)
