"""What every HTTP service does with a request before and after its own work, as plain ASGI."""

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

import structlog
from structlog.contextvars import bound_contextvars

from blytz.kit.metrics import Counter, Metrics
from blytz.kit.problems import CONTENT_TYPE, Overloaded, Problem, TooLarge, Unauthenticated

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MOST_BODY_BYTES: Final = 64 * 1024
MOST_REQUESTS: Final = 512
"""At work at once in one process, the bids left out, which have a bound of their own."""
REQUEST_ID: Final = "request_id"
"""Where the request's id stands in the ASGI scope."""

_SAFE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", CONTENT_TYPE.encode())

log = structlog.get_logger()


class Gone(Exception):
    """The client left before its request was whole; nobody waits for an answer."""


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
    """The whole body. Raises `TooLarge` past `MOST_BODY_BYTES`, before reading when so many were `announced`, and
    `Gone`."""
    if announced > MOST_BODY_BYTES:
        raise too_large()
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= MOST_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Gone
    if len(body) > MOST_BODY_BYTES:
        raise too_large()
    return body


def too_large() -> TooLarge:
    return TooLarge(f"a request may have {MOST_BODY_BYTES} bytes")


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


def requests_counter(metrics: Metrics) -> Counter:
    return metrics.counter("blytz_http_requests", "HTTP requests answered", "status")


class Front:
    """Stands in front of an application: names every request, counts the answers, turns away what is too much."""

    def __init__(self, app: App, answered: Counter, most_requests: int = MOST_REQUESTS) -> None:
        self._app = app
        self._answered = answered
        self._most_requests = most_requests
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = request_id(header(scope["headers"], b"x-request-id"))
        scope[REQUEST_ID] = given

        async def receive_whole() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            return message

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered.add(str(message["status"]))
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", given.encode())]
            await send(message)

        if self._at_work >= self._most_requests:
            self._answered.add("503")
            await send_problem(send, Overloaded(), given)
            return
        self._at_work += 1
        try:
            with bound_contextvars(request_id=given):
                await self._app(scope, receive_whole, send_named)
        finally:
            self._at_work -= 1
