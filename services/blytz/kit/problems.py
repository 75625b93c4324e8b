"""Everything that can go wrong for a caller, as the `application/problem+json` of RFC 9457.

`code` is the word a program acts on (protocol, sections 2 and 3); `detail` is the sentence a person reads.
"""

from typing import Any, ClassVar, Final

import msgspec

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """Raised by services, turned into an answer at the edge (HTTP or WebSocket)."""

    status: ClassVar[int] = 500
    code: str = "internal_error"
    title: ClassVar[str] = "Something went wrong here"
    retry_after_ms: int | None = None
    """When it may be worth asking again; sent to the client."""

    def __init__(
        self, detail: str = "", *, code: str | None = None, retry_after_ms: int | None = None, **fields: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.fields = fields
        if retry_after_ms is not None:
            self.retry_after_ms = retry_after_ms

    def content(self) -> dict[str, Any]:
        retry = {} if self.retry_after_ms is None else {"retry_after_ms": self.retry_after_ms}
        return {
            "type": f"urn:blytz:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **retry,
            **self.fields,
        }

    def body(self) -> bytes:
        return msgspec.json.encode(self.content())


class Unauthenticated(Problem):
    status, code, title = 401, "unauthenticated", "A valid token is needed"
    token_was_sent: ClassVar[bool] = False


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "This is not yours to do"


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is nothing here"


class CorruptRecord(Problem):
    """What is stored is not valid (wrong type, number out of range). Nothing was written."""

    status, code, title = 500, "corrupt_record", "What is stored here is not valid; nothing was changed"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This cannot be done here"


class Conflict(Problem):
    """A refusal by the rules; `code` says which."""

    status, code, title = 409, "conflict", "The rules refuse this"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The request is too large"


class InvalidRequest(Problem):
    """Malformed. `errors` lists each wrong field as `{path, detail}`."""

    status, code, title = 422, "invalid_request", "The request is malformed"


class UpgradeRequired(Problem):
    """A plain request where only a WebSocket is spoken."""

    status, code, title = 426, "upgrade_required", "This is a WebSocket endpoint"


class RateLimited(Problem):
    status, code, title = 429, "rate_limited", "Too many requests"
    retry_after_ms = 1_000


class Overloaded(Problem):
    """Refused before anything was sent: nothing was decided."""

    status, code, title = 503, "overloaded", "Too much work at once; nothing was decided"
    retry_after_ms = 500


class StoreUnavailable(Problem):
    """The store cannot be reached, or its answer was lost: a write may have been done or not. `advised` adds what
    the client should do about it."""

    status, code, title = 503, "store_unavailable", "The store cannot be reached"
    retry_after_ms = 1_000


class NotDurable(StoreUnavailable):
    """Done perhaps, but not confirmed on disk (or on every replica) in time."""

    status, code, title = 503, "pending", "Not yet known to be on disk"
    retry_after_ms = 300


RETRY_BID: Final = "whether the bid counts is not known: send it again with the same bid_id"
RETRY_WRITE: Final = (
    "whether it was done is not known: send it again with the same Idempotency-Key, or read the state first"
)
RETRY_READ: Final = "nothing was changed: try again"


def advised(problem: Problem, advice: str) -> Problem:
    """A `StoreUnavailable` with what to do about it after this kind of call; any other problem as it is."""
    if not isinstance(problem, StoreUnavailable):
        return problem
    kind = StoreUnavailable if advice is RETRY_READ else type(problem)
    return kind(f"{problem.title}; {advice}")
