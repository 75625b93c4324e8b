"""One WebSocket of a client: frames in, messages out of them, and how it ended."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from picows.picows import WSCloseHandshake

SUBPROTOCOL: Final = "blytz.v1"
HEADERS: Final = {"Sec-WebSocket-Protocol": SUBPROTOCOL}
HANDSHAKE_WITHIN_S: Final = 5.0

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
Take = Callable[[dict[str, Any]], None]


class Wire(WSListener):
    """Gives each message of each frame to `take`. `closed` ends with the close code, 1006 when there was none."""

    def __init__(self, take: Take) -> None:
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._take = take
        self._transport: WSTransport | None = None
        self._was_connected = False

    async def open(self, url: str) -> None:
        """Messages may come before this returns. Raises OSError, also when what answers there does not speak
        WebSocket."""
        try:
            await ws_connect(
                lambda: self, url, extra_headers=HEADERS, websocket_handshake_timeout=HANDSHAKE_WITHIN_S
            )
        except (WSError, TimeoutError) as error:
            raise ConnectionError(str(error) or "no answer to the handshake") from error
        # The library returns as if all were well, and says nothing of the end later.
        if not self._was_connected:
            raise ConnectionError("the connection was closed before the handshake was answered")

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport, self._was_connected = transport, True

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            try:
                messages = _decode(frame.get_payload_as_bytes())
            except msgspec.MsgspecError:
                # Whatever this is, what it said is lost: a new connection tells it again.
                transport.disconnect()
                return
            for message in messages if isinstance(messages, list) else (messages,):
                self._take(message)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(close_code(transport))

    def send(self, message: dict[str, Any]) -> None:
        """Lost without a word when the socket is gone: what matters is sent again on the next one."""
        if self._transport:
            self._transport.send(WSMsgType.TEXT, _encode(message))

    def close(self) -> None:
        if self._transport:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()


def close_code(transport: WSTransport) -> int:
    """The code with which the other side closed."""
    handshake = cast("WSCloseHandshake | None", transport.close_handshake)
    received = handshake.recv if handshake else None
    return int(received.code.value) if received else int(WSCloseCode.ABNORMAL_CLOSURE.value)
