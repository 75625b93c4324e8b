"""The two lines that are written most: one per HTTP request, one per decision on a bid.

They have the form of all other lines (`logs.py`) and are put together without structlog, which would cost as
much as the bid itself; like this a line costs 1.7 us of CPU, its writing included. What it holds is fixed here:
who, where, what came of it, how long it took. There is no field for a token, an amount or a ceiling.
"""

import re
import time
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from blytz.kit.telemetry.log_sink import Sink
from blytz.kit.telemetry.metrics import Metrics

MAX_TEXT_LENGTH: Final = 200
"""Characters of a path or an id that a client chose."""


class _Line(Struct):
    timestamp: str
    service: str
    event: str
    request_id: str
    user_id: str | None
    auction_id: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    method: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    duration_ms: float = 0.0
    level: str = "info"


_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.")
"""How every JSON Web Token begins."""
_encode = msgspec.json.Encoder().encode


class Lines:
    """Writes nothing until `open` was called. Used by one thread."""

    def __init__(self) -> None:
        self._sink: Sink | None = None
        self._service = ""
        self._requests = False
        self._share = self._due = 0.0
        self._second = -1
        self._second_text = ""

    def open(self, sink: Sink, service: str, *, requests: bool, decisions: float) -> None:
        """`decisions` is the share of bids that get a line: 1 all, 0 none."""
        self._sink, self._service, self._requests, self._share = sink, service, requests, decisions

    def register_metrics(self, metrics: Metrics) -> None:
        metrics.counted(
            "blytz_log_lines_dropped",
            "Log lines that were dropped because they could not be written in time",
            lambda: float(self._sink.dropped) if self._sink else 0.0,
        )

    def bid(
        self, request_id: str, user_id: str | None, auction_id: str, outcome: str, code: str, seconds: float
    ) -> None:
        """After the answer was given. `code` is empty unless the bid was refused or is pending."""
        self._due += self._share
        if self._due < 1.0 or self._sink is None:
            return
        self._due -= 1.0
        line = _Line(
            self._now(),
            self._service,
            "bid",
            request_id,
            user_id,
            auction_id[:MAX_TEXT_LENGTH],
            outcome,
            code or UNSET,
            duration_ms=int(seconds * 1e6) / 1e3,
        )
        self._sink.put(_encode(line) + b"\n")

    def request(
        self, request_id: str, user_id: str | None, method: str, path: str, status: int, seconds: float
    ) -> None:
        """The path without its query, and without what looks like a token."""
        if self._sink is None or not self._requests:
            return
        path = _TOKEN.split(path, 1)[0][:MAX_TEXT_LENGTH]
        line = _Line(
            self._now(),
            self._service,
            "request",
            request_id,
            user_id,
            auction_of(path),
            outcome_of(status),
            method=method,
            path=path,
            status=status,
            duration_ms=int(seconds * 1e6) / 1e3,
        )
        self._sink.put(_encode(line) + b"\n")

    def _now(self) -> str:
        """As structlog's TimeStamper writes it; the text of a second is made once."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{self._second_text}{int((now - second) * 1e6):06d}Z"


def outcome_of(status: int) -> str:
    """Of a request. 0 is the status of one whose client left before the answer."""
    if not status:
        return "gone"
    return "answered" if status < 400 else "refused" if status < 500 else "failed"


def auction_of(path: str) -> str | UnsetType:
    """The id in `/v1/auctions/<id>...`."""
    _, found, rest = path.partition("/auctions/")
    return rest.partition("/")[0][:MAX_TEXT_LENGTH] or UNSET if found else UNSET
