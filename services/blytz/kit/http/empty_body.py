"""For calls that need no more than their address, or may need no more."""

from typing import TypeVar

from msgspec import Struct

from blytz.kit.http.litestar import Call
from blytz.kit.http.parse import Parser


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    pass


_read: Parser[Nothing] = Parser(Nothing)


async def refuse_body(request: Call) -> None:
    """Raises `InvalidRequest` for each field of a body."""
    body = await request.body()
    # Many libraries send `null` for no body.
    if body.strip() not in (b"", b"null"):
        _read(body)


T = TypeVar("T", bound=Struct)


class OptionalBody(Parser[T]):
    """Reads no body as `{}`."""

    def __call__(self, raw: bytes) -> T:
        return super().__call__(b"{}" if raw.strip() in (b"", b"null") else raw)
