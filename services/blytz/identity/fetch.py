"""Gets a small JSON document from an issuer, without keeping the loop waiting."""

import asyncio
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from typing import IO, Any, Final, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")

MAX_BYTES: Final = 256 * 1024
WITHIN_S: Final = 5.0
_CHUNK: Final = 16 * 1024
_MAX_AGE = re.compile(r"(?:\A|[\s,])max-age=([0-9]{1,9})(?:\Z|[\s,;])")


class FetchFault(Exception):
    """The document could not be fetched; the message says why."""


class Document(Struct, frozen=True):
    content: dict[str, Any]
    max_age_s: int | None
    """How long it may be kept, by its Cache-Control; None when the server does not say."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys are fetched only from the configured address, so a redirection is an error."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None makes urllib raise the redirection as an error."""


def fetch(url: str) -> Document:
    """A JSON object of at most `MAX_BYTES`, within about `WITHIN_S`. Blocks. Raises `FetchFault`."""
    deadline = time.monotonic() + WITHIN_S
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - see kit/addresses.py
    body = bytearray()
    try:
        with opener.open(request, timeout=WITHIN_S) as answer:
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise FetchFault(f"{url} answered with more than {MAX_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise FetchFault(f"{url} did not end its answer within {WITHIN_S:.0f} s")
            max_age_s = _max_age_s(answer.headers)
        content = msgspec.json.decode(bytes(body), type=dict[str, Any])
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchFault(f"{url} answered with {error.code}") from None
    except (OSError, HTTPException, ValueError, msgspec.MsgspecError) as error:
        raise FetchFault(f"{url}: {type(error).__name__} {error}") from error
    return Document(content, max_age_s)


def _max_age_s(headers: Message) -> int | None:
    """The seconds that are left: a cache on the way may have kept the answer for `Age`."""
    found = _MAX_AGE.search((headers.get("Cache-Control") or "").lower())
    if found is None:
        return None
    age = headers.get("Age") or ""
    return max(0, int(found[1]) - (int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0))


def in_background(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Runs blocking work in a daemon thread, which does not delay the end of the process as `asyncio.to_thread`
    would: a lookup may wait half a minute for a name server."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, fault = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - the waiting caller gets it
            fault = error
        try:
            loop.call_soon_threadsafe(tell, result, fault)
        except RuntimeError:
            return  # the loop has ended, so no caller waits

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return future
