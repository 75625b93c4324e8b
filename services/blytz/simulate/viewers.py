"""Viewers by the thousand in one process. Each has its own socket and checks every `seq`; a frame that all of them
get is decoded once, and recognised by its bytes from then on."""

import asyncio
import random
import time
from collections import Counter
from typing import Any, Final

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from blytz.client.clock import RemoteClock
from blytz.client.live import FIRST_BACKOFF_S, MAX_BACKOFF_S
from blytz.client.wire import HEADERS, close_code
from blytz.simulate.latency import TENTHS, Latency

DIGESTS: Final = 256
"""Distinct frames remembered; older ones are counted and forgotten."""
MAX_SENT: Final = 20_000
READ_BUFFER: Final = 4_096
HANDSHAKE_WITHIN_S: Final = 15.0

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Digest:
    """What one frame holds. `first` and `last` are the seqs of its events, 0 when it has none."""

    __slots__ = ("ats", "first", "last", "others", "viewers_by_delay")

    def __init__(self, payload: bytes) -> None:
        messages = _decode(payload)
        messages = messages if isinstance(messages, list) else [messages]
        self.ats: list[tuple[int, int]] = [(m["seq"], m["at"]) for m in messages if m["type"] == "event"]
        self.others = [m for m in messages if m["type"] not in {"event", "viewers"}]
        self.first = self.ats[0][0] if self.ats else 0
        self.last = self.ats[-1][0] if self.ats else 0
        self.viewers_by_delay: dict[int, int] = {}
        """How many viewers got it in which tenth of a millisecond of `time.monotonic()`."""


class Crowd:
    """What all viewers share: the frames they know, and what is counted.

    Two delays are measured. `fan_out` is from the event's `at`, on the server's clock, to its receipt: right to
    half of the shortest round trip, and up to 1 ms too long, because `at` is in whole milliseconds. `bid_to_view`
    is from the sending of a bid in this very process to the receipt of its event: one clock, nothing to correct.
    """

    def __init__(self, url: str, topic: str, clock: RemoteClock) -> None:
        self.url, self.topic = url, topic
        self.fan_out, self.bid_to_view = Latency(), Latency()
        self.gaps = self.deliveries = self.reconnects = 0
        self.closes: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.viewers: list[Viewer] = []
        self.sent_at: dict[int, float] = {}
        """When the bid behind an event was sent, by seq; the simulation fills it in."""
        self._clock = clock
        self._digests: dict[bytes, Digest] = {}
        self._last_payload, self._last = b"", Digest(b"[]")

    def digest(self, payload: bytes) -> Digest:
        if payload == self._last_payload:
            return self._last
        found = self._digests.get(payload)
        if found is None:
            found = Digest(payload)
            if not found.others:
                self._digests[payload] = found
                if len(self._digests) > DIGESTS:
                    self._count(self._digests.pop(next(iter(self._digests))))
        if not found.others:
            self._last_payload, self._last = payload, found
        return found

    def finish(self) -> None:
        """Count what was not counted yet."""
        for digest in self._digests.values():
            self._count(digest)
        self._digests.clear()
        self._last_payload = b""

    def _count(self, digest: Digest) -> None:
        for seq, at in digest.ats:
            decided_at = at / 1000 - self._clock.ahead_s
            sent_at = self.sent_at.get(seq)
            for tenth, viewers in digest.viewers_by_delay.items():
                self.deliveries += viewers
                self.fan_out.add(tenth / TENTHS - decided_at, viewers)
                if sent_at is not None:
                    self.bid_to_view.add(tenth / TENTHS - sent_at, viewers)

    @property
    def watching(self) -> int:
        return sum(viewer.is_watching for viewer in self.viewers)

    def behind(self, seq: int) -> int:
        """How many viewers have not seen this event."""
        return sum(viewer.seq < seq for viewer in self.viewers)


class Viewer(WSListener):
    """One who watches: no more state than the last seq."""

    __slots__ = ("_crowd", "_local", "_transport", "epoch", "is_watching", "seq")

    def __init__(self, crowd: Crowd, local_address: str | None = None) -> None:
        self._crowd, self._local = crowd, local_address
        self._transport: WSTransport | None = None
        self.seq = 0
        self.epoch: str | None = None
        self.is_watching = False
        crowd.viewers.append(self)

    async def connect(self) -> WSTransport:
        """Raises OSError and picows' WSError."""
        local: dict[str, Any] = {"local_addr": (self._local, 0)} if self._local else {}
        transport, _ = await ws_connect(
            lambda: self,
            self._crowd.url,
            extra_headers=HEADERS,
            websocket_handshake_timeout=HANDSHAKE_WITHIN_S,
            read_buffer_init_size=READ_BUFFER,
            **local,
        )
        return transport

    async def stay(self, transport: WSTransport) -> None:
        """Come back after every loss, until cancelled."""
        attempt = 0
        while True:
            await transport.wait_disconnected()
            while True:
                await asyncio.sleep(random.uniform(0, min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(attempt, 8))))
                attempt += 1
                try:
                    transport = await self.connect()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted and tried again
                    self._crowd.errors[type(error).__name__] += 1
                    continue
                break
            self._crowd.reconnects += 1
            attempt = 0

    def leave(self) -> None:
        if self._transport:
            self._transport.disconnect()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport, self.is_watching = None, False
        self._crowd.closes[close_code(transport)] += 1

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        if frame.msg_type is not WSMsgType.TEXT:
            return
        digest = self._crowd.digest(frame.get_payload_as_bytes())
        if digest.others:
            self._take(digest.others)
        if not digest.last or not self.is_watching:
            return
        if digest.first == self.seq + 1:
            self.seq = digest.last
            tenth = int(time.monotonic() * TENTHS)
            digest.viewers_by_delay[tenth] = digest.viewers_by_delay.get(tenth, 0) + 1
        else:
            self._out_of_order()

    def _take(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            match message["type"]:
                case "welcome":
                    self._watch()
                case "snapshot":
                    self.seq, self.epoch, self.is_watching = message["seq"], message["epoch"], True
                case "replay":
                    seqs = [event["seq"] for event in message["events"]]
                    if seqs != list(range(self.seq + 1, message["seq"] + 1)):
                        self._crowd.gaps += 1
                    self.seq, self.is_watching = message["seq"], True
                case "error":
                    self._crowd.errors[message["code"]] += 1

    def _watch(self) -> None:
        message: dict[str, Any] = {"type": "watch", "topic": self._crowd.topic}
        if self.epoch is not None:
            message |= {"after": self.seq, "epoch": self.epoch}
        if self._transport:
            self._transport.send(WSMsgType.TEXT, _encode(message))

    def _out_of_order(self) -> None:
        """A gap, a repeat or a reorder: the protocol promises that there is none. Start again from here."""
        self._crowd.gaps += 1
        self.is_watching = False
        self._watch()
