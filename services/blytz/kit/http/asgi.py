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
"""At work at once in one process, the bids left out, which have a bound of their own."""
REQUEST_ID: Final = "request_id"
"""Where the request's id stands in the ASGI scope."""
CALLER: Final = "caller"
"""Where the principal stands in the ASGI scope, once the request was let pass."""
FOR_THE_OPERATOR: Final = frozenset({"/health", "/ready", "/metrics"})
"""Answered however much there is to do, and not logged: they are asked every few seconds, and a process that is
busy is alive."""

_SAFE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", CONTENT_TYPE.encode())

log = structlog.get_logger()


class Gone(Exception):
    """The client disconnected before its request was complete; no answer is sent."""


# Unique without asking the system for chance with every request: chance names the process, a count the request.
_PROCESS: Final = secrets.token_hex(8)
_requests: Final = itertools.count(1)


def request_id(given: bytes | None) -> str:
    """The id that the gateway gave, or a new one where there is none that may safely stand in a log."""
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
    """The whole body. Raises `TooLarge` past `MAX_BODY_BYTES`, before reading when so many were `announced`, and
    `Gone`."""
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
        # Whatever else of the body is on its way is not worth reading.
        headers["connection"] = "close"
    if problem.retry_after_ms is not None:
        headers["retry-after"] = str(-(-problem.retry_after_ms // 1000))
    return headers


async def send_json(send: Send, status: int, body: bytes, request_id: str) -> None:
    length = (b"content-length", b"%d" % len(body))
    headers = [_JSON, length, (b"x-request-id", request_id.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, problem: Problem, request_id: str) -> None:
    body = problem.body()
    more = [(name.encode(), value.encode()) for name, value in problem_headers(problem).items()]
    length = (b"content-length", b"%d" % len(body))
    headers = [_PROBLEM, length, (b"x-request-id", request_id.encode()), *more]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def unexpected(error: Exception) -> Problem:
    """A fault of ours: the log has it whole, the client learns only that it was not the client's."""
    log.error("unexpected_error", error=type(error).__name__, exc_info=error)
    return Problem("this is a fault of the service; it has been logged")


def header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The first with this lower-case name."""
    return next((value for name, value in headers if name == wanted), None)


class Answered:
    """Counts answers by status, and separately those for failed sign-in and exceeded rate limits."""

    def __init__(self, metrics: Metrics) -> None:
        self.at_work = 0
        self._answers = metrics.counter("blytz_http_requests", "HTTP requests answered", "status")
        self._logins = metrics.counter("blytz_logins_refused", "Tokens that were missing or refused")
        self._limits = metrics.counter("blytz_rate_limits_hit", "Refusals for too much", "what")
        metrics.gauge("blytz_http_requests_in_flight", "Requests at work, bids left out", lambda: self.at_work)

    def add(self, status: str, what: str = "requests") -> None:
        self._answers.add(status)
        if status == "401":
            self._logins.add()
        elif status == "429":
            self._limits.add(what)


class Front:
    """Stands in front of an application: names every request, counts and logs the answers, turns away what is too
    much."""

    def __init__(self, app: App, answered: Answered, max_requests: int = MAX_REQUESTS) -> None:
        self._app = app
        self._answered = answered
        self._max_requests = max_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = request_id(header(scope["headers"], b"x-request-id"))
        scope[REQUEST_ID] = given
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

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._answered.add(str(status))
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", given.encode())]
            await send(message)

        if self._answered.at_work >= self._max_requests:
            self._answered.add("503")
            await send_problem(send, Overloaded(), given)
            lines.request(given, None, method, scope["path"], 503, perf_counter() - began)
            return
        self._answered.at_work += 1
        try:
            with bound_contextvars(request_id=given):
                await self._app(scope, receive_whole, send_named)
        finally:
            self._answered.at_work -= 1
            caller = getattr(scope.get(CALLER), "id", None)
            lines.request(given, caller, method, scope["path"], status, perf_counter() - began)
