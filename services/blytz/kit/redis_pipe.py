"""The hot path to Redis: one connection, and the commands of one loop turn leave in one write.

Nobody waits for a free connection and Redis syncs its log once for the whole batch. Measured at 4 us of CPU a
call against 71 us through a pool (specs/decisions/0005).
"""

import asyncio
import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Final

import hiredis

from blytz.kit.metrics import Histogram, Metrics
from blytz.kit.problems import NotDurable, Overloaded, StoreUnavailable
from blytz.kit.redis_link import Part, RedisLink, pack

DURABLE_WITHIN_S = 0.3
"""Protocol, section 5: later than this the answer is `pending`."""
DEAD_AFTER_S = 3.0
WATCH_EVERY_S = 0.05

Convert = Callable[[Any], Any]
_WAIT: Final = object()

# Redis is there but cannot serve: nothing was decided, and it may be asked again.
_NOT_SERVING = (
    "LOADING",
    "OOM",
    "MISCONF",
    "READONLY",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY",
    "TRYAGAIN",
)


class RedisError(Exception):
    """Redis refused the command itself."""


class Script:
    """A Lua script, called by its hash."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest().encode()


class _Asked:
    __slots__ = ("asked_at", "began", "convert", "error", "future", "script", "seconds")

    def __init__(
        self,
        future: asyncio.Future[Any],
        asked_at: float,
        convert: Convert | None,
        script: tuple[Script, Sequence[Part], Sequence[Part]] | None,
        error: Callable[[str], Exception],
        began: float,
        seconds: Histogram | None,
    ) -> None:
        self.future = future
        self.asked_at = asked_at
        self.convert = convert
        self.script = script
        """With keys and arguments, until it has been sent whole."""
        self.error = error
        self.began = began
        """By perf_counter: the loop's own clock may count whole milliseconds only."""
        self.seconds = seconds


class RedisPipe(RedisLink):
    """`call` and `run` return a future at once and never block.

    At most `most_in_flight` commands wait for a reply; past that `Overloaded` is raised and nothing is sent.
    A lost connection ends everything in flight in `StoreUnavailable`, never in a guess. With `replicas`, every
    batch is followed by WAIT and its futures end in `NotDurable` unless that many replicas hold it.
    """

    def __init__(self, url: str, name: str, *, most_in_flight: int = 4_096, replicas: int = 0) -> None:
        super().__init__(url, name)
        self._most_in_flight = most_in_flight
        self._replicas = replicas
        self._out: list[bytes] = []
        self._asked: deque[_Asked | object] = deque()
        self._held: list[tuple[_Asked, Any]] = []
        self._watch: asyncio.TimerHandle | None = None
        self._turn_at = self._turn_began = self._measured = 0.0
        self._round_trip_s = Histogram("", "")

    def count_in(self, metrics: Metrics) -> None:
        self._round_trip_s = metrics.histogram(
            "blytz_redis_round_trip_seconds", "From the commands of one turn to the first reply to them"
        )
        metrics.gauge("blytz_redis_in_flight", "Commands that wait for Redis", lambda: self.in_flight)
        metrics.gauge("blytz_redis_up", "1 while Redis is connected", self.up.is_set)

    @property
    def in_flight(self) -> int:
        return len(self._asked)

    def call(self, *command: Part, convert: Convert | None = None) -> asyncio.Future[Any]:
        """Send one command; the future holds its reply, passed through `convert`."""
        return self._ask(pack(command), convert, None, RedisError)

    def run(
        self,
        script: Script,
        keys: Sequence[Part],
        args: Sequence[Part],
        convert: Convert | None = None,
        error: Callable[[str], Exception] = RedisError,
        seconds: Histogram | None = None,
    ) -> asyncio.Future[Any]:
        """Run a script by its hash. Where Redis has forgotten it, it is sent whole: it had not run then.
        `error` makes the exception of a script that failed by itself; `seconds` is told how long it took until
        its outcome was durable."""
        command = pack((b"EVALSHA", script.sha, len(keys), *keys, *args))
        return self._ask(command, convert, (script, keys, args), error, seconds)

    def _ask(
        self,
        command: bytes,
        convert: Convert | None,
        script: tuple[Script, Sequence[Part], Sequence[Part]] | None,
        error: Callable[[str], Exception],
        seconds: Histogram | None = None,
    ) -> asyncio.Future[Any]:
        if not self.up.is_set():
            raise StoreUnavailable
        if len(self._asked) >= self._most_in_flight:
            raise Overloaded
        if not self._out:
            self._begin_turn()
        future = self._loop.create_future()
        self._asked.append(_Asked(future, self._turn_at, convert, script, error, self._turn_began, seconds))
        self._out.append(command)
        return future

    def _begin_turn(self) -> None:
        self._turn_at, self._turn_began = self._loop.time(), perf_counter()
        self._loop.call_soon(self._flush)
        if self._watch is None:
            self._watch = self._loop.call_later(WATCH_EVERY_S, self._look)

    def _send_whole(self, asked: _Asked) -> None:
        if asked.script is None:
            return
        (script, keys, args), asked.script = asked.script, None
        if not self._out:
            self._begin_turn()
        self._asked.append(asked)
        self._out.append(pack((b"EVAL", script.source, len(keys), *keys, *args)))

    def _flush(self) -> None:
        if not self._out:
            return
        if self._replicas:
            self._out.append(pack(("WAIT", self._replicas, int(DURABLE_WITHIN_S * 1000))))
            self._asked.append(_WAIT)
        self.write(b"".join(self._out))
        self._out.clear()

    def on_reply(self, reply: Any) -> None:
        asked = self._asked.popleft()
        if not isinstance(asked, _Asked):
            self._release(int(reply) if isinstance(reply, int) else 0)
            return
        if asked.began != self._measured:
            self._measured = asked.began
            self._round_trip_s.add(perf_counter() - asked.began)
        if isinstance(reply, hiredis.ReplyError) and asked.script and str(reply).startswith("NOSCRIPT"):
            self._send_whole(asked)
        elif self._replicas:
            self._held.append((asked, reply))
        else:
            _answer(asked, reply)

    def _release(self, holding: int) -> None:
        held, self._held = self._held, []
        for asked, reply in held:
            if holding >= self._replicas:
                _answer(asked, reply)
            else:
                _fail(asked, NotDurable())

    def on_down(self) -> None:
        lost = [asked for asked in self._asked if isinstance(asked, _Asked)] + [asked for asked, _ in self._held]
        self._asked.clear()
        self._held.clear()
        self._out.clear()
        for asked in lost:
            _fail(asked, StoreUnavailable("the answer was lost; ask again with the same bid_id"))

    def _look(self) -> None:
        """One timer for the whole connection watches over every reply that is due, and over those that are here
        and wait for the replicas."""
        self._watch = None
        now = self._loop.time()
        oldest = now
        for asked in itertools.chain((asked for asked, _ in self._held), self._asked):
            if isinstance(asked, _Asked):
                if now - asked.asked_at < DURABLE_WITHIN_S:
                    oldest = min(oldest, asked.asked_at)
                    break
                oldest = min(oldest, asked.asked_at)
                _fail(asked, NotDurable())
        if now - oldest > DEAD_AFTER_S:
            self.drop()
        elif self._asked:
            self._watch = self._loop.call_later(WATCH_EVERY_S, self._look)


def _answer(asked: _Asked, reply: Any) -> None:
    future = asked.future
    if asked.seconds is not None:
        asked.seconds.add(perf_counter() - asked.began)
    if future.done():
        return
    try:
        if isinstance(reply, hiredis.ReplyError):
            text = str(reply)
            if text.startswith(_NOT_SERVING):
                # A bidder need not know why; `/ready` tells its operator.
                raise StoreUnavailable from RedisError(text)
            raise asked.error(text)
        future.set_result(asked.convert(reply) if asked.convert else reply)
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        _fail(asked, error)


def _fail(asked: _Asked, error: Exception) -> None:
    if not asked.future.done():
        asked.future.set_exception(error)
        # A caller that has gone away (a closed socket) does not come back for its answer.
        asked.future.exception()
