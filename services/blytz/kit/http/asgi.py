"""What every HTTP service does with a request before and after its own work, as plain ASGI."""

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import perf_counter
from typing import Any, Final

import structlog
from structlog.contextvars import bound_contextvars

from blytz.kit.problems import CONTENT_TYPE, Overloaded, Problem, TooLarge, Unauthenticated
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_BODY_BYTES: Final = 192 * 1024
"""An auction with every text at its bound fits, even with each character written as a JSON escape."""
MAX_REQUESTS: Final = 512
"""Handled at once in one process. Bids are not counted: `BLYTZ_BIDS_IN_FLIGHT` is their limit."""
REQUEST_ID: Final = "request_id"
"""Key of the request's id in the ASGI scope."""
CALLER: Final = "caller"
"""Key of the principal in the ASGI scope, once the caller was authenticated."""
FOR_THE_OPERATOR: Final = frozenset({"/health", "/ready", "/metrics"})
"""Never refused for load, because a busy process is alive, and not logged, because they are requested every few
seconds."""

_SAFE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
_JSON: Final[Headers] = [(b"content-type", b"application/json")]
_PROBLEM: Final[Headers] = [(b"content-type", CONTENT_TYPE.encode())]

log = structlog.get_logger()


class Gone(Exception):
    """The client disconnected before its request was complete; no answer is sent."""


# An id is a random text for the process and a count: reading random bytes for each request would cost more.
_PROCESS: Final = secrets.token_hex(8)
_requests: Final = itertools.count(1)


def safe_request_id(given: bytes | None) -> str:
    """The id that the gateway gave if it is safe to log, else a new one."""
    if given is not None and _SAFE_ID.fullmatch(given):
        return given.decode()
    return f"{_PROCESS}{next(_requests):016x}"


def bearer_token(authorization: bytes | None) -> str:
    """Raises `Unauthenticated` unless the header has the form `Bearer <token>`."""
    if authorization is None:
        raise Unauthenticated("send a token: Authorization: Bearer <token>")
    scheme, _, token = authorization.partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must be: Bearer <token>")
    return token.strip().decode("latin-1")


async def read_body(receive: Receive, announced: int) -> bytes:
    """The whole body. Raises `Gone`, and `TooLarge` past `MAX_BODY_BYTES`: before reading anything when
    `announced`, the Content-Length, is past it."""
    if announced > MAX_BODY_BYTES:
        raise too_large()
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Gone
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    return body


def too_large() -> TooLarge:
    return TooLarge(f"a request may have {MAX_BODY_BYTES} bytes")


def problem_headers(problem: Problem) -> dict[str, str]:
    """The headers that go with it, besides its content type."""
    headers: dict[str, str] = {}
    if isinstance(problem, Unauthenticated):
        # RFC 6750: a token that was sent and refused is named as such, a missing one is not.
        headers["www-authenticate"] = 'Bearer error="invalid_token"' if problem.token_was_sent else "Bearer"
    if problem.status == 413:
        # The rest of the body is not read, so the connection cannot carry another request.
        headers["connection"] = "close"
    if problem.retry_after_ms is not None:
        headers["retry-after"] = str(-(-problem.retry_after_ms // 1000))
    return headers


async def send_json(send: Send, status: int, body: bytes, request_id: str, headers: Headers = _JSON) -> None:
    length, identified = (b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length, identified]})
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, problem: Problem, request_id: str) -> None:
    more = [(name.encode(), value.encode()) for name, value in problem_headers(problem).items()]
    await send_json(send, problem.status, problem.body(), request_id, [*_PROBLEM, *more])


def unexpected(error: Exception) -> Problem:
    """For an exception that nothing else handles. The log has all of it; the client only learns that the service
    is at fault."""
    log.error("unexpected_error", error=type(error).__name__, exc_info=error)
    return Problem("this is a fault of the service; it has been logged")


def header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The first with this lower-case name."""
    return next((value for name, value in headers if name == wanted), None)


class AnswerCounts:
    """Counts answers by status, and separately those for failed sign-in and exceeded rate limits."""

    def __init__(self, metrics: Metrics) -> None:
        self.in_flight = 0
        """Requests that `Front` has passed on and that are not answered yet."""
        self._answers = metrics.counter("blytz_http_requests", "HTTP requests answered", "status")
        self._logins = metrics.counter("blytz_logins_refused", "Tokens that were missing or refused")
        self._limits = metrics.counter("blytz_rate_limits_hit", "Refusals for too much", "what")
        metrics.gauge("blytz_http_requests_in_flight", "Requests at work, bids left out", lambda: self.in_flight)

    def add(self, status: str, what: str = "requests") -> None:
        self._answers.add(status)
        if status == "401":
            self._logins.add()
        elif status == "429":
            self._limits.add(what)


class Front:
    """Wraps an application: gives every request an id, counts and logs the answers, and refuses requests while
    `MAX_REQUESTS` are in flight."""

    def __init__(self, app: App, counts: AnswerCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = safe_request_id(header(scope["headers"], b"x-request-id"))
        scope[REQUEST_ID] = request_id
        method = scope["method"]
        if method == "HEAD":
            # Answered as GET; the server, which still sees HEAD, leaves the body out.
            scope = {**scope, "method": "GET"}
        if scope["path"] in FOR_THE_OPERATOR:
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def receive_whole() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._counts.add(str(status))
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        if self._counts.in_flight >= MAX_REQUESTS:
            self._counts.add("503")
            await send_problem(send, Overloaded(), request_id)
            lines.request(request_id, None, method, scope["path"], 503, perf_counter() - began)
            return
        self._counts.in_flight += 1
        try:
            with bound_contextvars(request_id=request_id):
                await self._app(scope, receive_whole, send_with_id)
        finally:
            self._counts.in_flight -= 1
            caller = getattr(scope.get(CALLER), "id", None)
            lines.request(request_id, caller, method, scope["path"], status, perf_counter() - began)
