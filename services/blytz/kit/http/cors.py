"""The CORS headers that let a page of another origin call us (Fetch standard).

Tokens travel in a header and never in a cookie, so no page can act in a visitor's name; this list only decides
whose pages may read the answers.
"""

from typing import Final

from blytz.kit.http.asgi import App, Headers, Message, Receive, Scope, Send, header
from blytz.kit.http.origins import Origins

REMEMBERED_S: Final = 600
"""How long a browser may keep the answer to a preflight request."""
_PREFLIGHT_HEADERS: Final[Headers] = [
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key"),
    (b"access-control-max-age", b"%d" % REMEMBERED_S),
]
_VARY: Final = (b"vary", b"Origin")


class Cors:
    """Wraps the whole application. A page whose origin is not on the list gets the same answer without these
    headers, so that the browser does not show it to the page."""

    def __init__(self, app: App, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope["headers"], b"origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = self._origins.welcomes(origin.decode("latin-1"))
        headers: Headers = [_VARY]
        if allowed:
            headers += [
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", b"retry-after, x-request-id"),
            ]
        if scope["method"] == "OPTIONS" and header(scope["headers"], b"access-control-request-method") is not None:
            status = 204 if allowed else 403
            headers += _PREFLIGHT_HEADERS if allowed else []
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)
