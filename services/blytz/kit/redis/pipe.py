"""The hot path to Redis: one connection, and the commands of one loop turn leave in one write.

No call waits for a free connection, and Redis syncs its log once for the whole batch. Measured at 4 us of CPU a
call against 71 us through a pool (specs/decisions/0005).
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

import hiredis

from blytz.kit.answer import Answer
from blytz.kit.problems import NotDurable, Overloaded, StoreUnavailable
from blytz.kit.redis.link import Part, RedisLink, pack
from blytz.kit.telemetry.metrics import Histogram, Metrics

DURABLE_WITHIN_S = 0.3
"""Protocol, section 5: later than this the answer is `pending`."""
DEAD_AFTER_S = 3.0
WATCH_EVERY_S = 0.05

Convert = Callable[[Any], Any]

# Redis is there but cannot serve: nothing was decided, and it may be asked again.
_NOT_SERVING = (
    "LOADING",
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

    def by_hash(self, keys: Sequence[Part], args: Sequence[Part]) -> bytes:
        return pack((b"EVALSHA", self.sha, len(keys), *keys, *args))

    def whole(self, keys: Sequence[Part], args: Sequence[Part]) -> bytes:
        return pack((b"EVAL", self.source, len(keys), *keys, *args))


class Turn:
    """Commands of one turn of the loop, which leave together."""

    __slots__ = ("_began", "at")

    def __init__(self, at: float) -> None:
        self.at = at
        """By the loop's clock, which may count whole milliseconds only."""
        self._began = perf_counter()

    def age_s(self) -> float:
        return perf_counter() - self._began


class Reading(Protocol):
    """How the reply to one kind of command is read. `what` is whatever it was asked with."""

    def read(self, what: Any, reply: Any, turn: Turn) -> Any:
        """Make the answer of a reply that is no error. What is raised is the answer then."""

    def fault(self, text: str) -> Exception:
        """The exception for a command that Redis refused, or a script that failed by itself."""

    def whole(self, what: Any) -> bytes | None:
        """The command with the script's source, for a Redis that has forgotten it."""


class Asked(Answer[Any]):
    """A command on its way, and its answer."""

    __slots__ = ("reading", "turn", "what")

    def __init__(self, reading: Reading, what: Any, turn: Turn) -> None:
        super().__init__()
        self.reading, self.what, self.turn = reading, what, turn

    def on_reply(self, reply: Any) -> None:
        try:
            value = self.reading.read(self.what, reply, self.turn)
        except Exception as error:  # noqa: BLE001 - the caller gets it
            self.fail(error)
        else:
            self.give(value)

    def on_error(self, text: str) -> None:
        if text.startswith("OOM"):
            # Redis refuses a command before its first write, so nothing was decided.
            error: Exception = Overloaded("there is no memory left for more; nothing was decided")
            error.__cause__ = RedisError(text)
        elif text.startswith(_NOT_SERVING):
            # A bidder need not know why; `/ready` tells its operator.
            error = StoreUnavailable()
            error.__cause__ = RedisError(text)
        else:
            error = self.reading.fault(text)
        self.fail(error)


class _Command:
    """Read by its `convert`, where it has one."""

    def read(self, what: Convert | None, reply: Any, turn: Turn) -> Any:  # noqa: ARG002 - a reading's
        return what(reply) if what else reply

    def fault(self, text: str) -> Exception:
        return RedisError(text)

    def whole(self, what: Convert | None) -> None:  # noqa: ARG002 - a reading's
        return None


class _Run:
    def __init__(self, script: Script, fault: Callable[[str], Exception]) -> None:
        self._script, self.fault = script, fault

    def read(self, what: Any, reply: Any, turn: Turn) -> Any:  # noqa: ARG002 - a reading's
        return reply

    def whole(self, what: tuple[Sequence[Part], Sequence[Part]]) -> bytes:
        return self._script.whole(*what)


_COMMAND = _Command()


def _ms(reply: list[bytes]) -> int:
    seconds, microseconds = reply
    return int(seconds) * 1_000 + int(microseconds) // 1_000


class RedisPipe(RedisLink):
    """`call`, `run` and `send` return an answer at once and never block.

    At most `max_in_flight` commands wait for a reply; past that `Overloaded` is raised and nothing is sent.
    A lost connection ends everything in flight in `StoreUnavailable`, never in a guess. With `replicas`, every
    batch is followed by WAIT and its answers are `NotDurable` unless that many replicas hold it.
    """

    def __init__(self, url: str, name: str, *, max_in_flight: int = 4_096, replicas: int = 0) -> None:
        super().__init__(url, name)
        self._max_in_flight = max_in_flight
        self._replicas = replicas
        self._out: list[bytes] = []
        self._asked: deque[Asked | None] = deque()
        """In the order of replies; None stands for a WAIT."""
        self._held: list[tuple[Asked, Any]] = []
        self._watch: asyncio.TimerHandle | None = None
        self._turn = self._measured = Turn(0.0)
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

    def call(self, *command: Part, convert: Convert | None = None) -> Answer[Any]:
        """Send one command; the answer is its reply, passed through `convert`."""
        return self.send(pack(command), _COMMAND, convert)

    def now(self) -> Answer[int]:
        """The time of Redis, in ms since the Unix epoch: the clock that decides everything."""
        return self.call("TIME", convert=_ms)

    def run(
        self,
        script: Script,
        keys: Sequence[Part],
        args: Sequence[Part],
        fault: Callable[[str], Exception] = RedisError,
    ) -> Answer[Any]:
        """Run a script by its hash. Where Redis has forgotten it, it is sent whole: it had not run then.
        `fault` makes the exception of a script that failed by itself."""
        return self.send(script.by_hash(keys, args), _Run(script, fault), (keys, args))

    def send(self, command: bytes, reading: Reading, what: Any) -> Answer[Any]:
        """Send a command that is packed already; `reading` makes the answer of the reply to `what`."""
        if not self.up.is_set():
            raise StoreUnavailable
        if len(self._asked) >= self._max_in_flight:
            raise Overloaded
        if not self._out:
            self._begin_turn()
        asked = Asked(reading, what, self._turn)
        self._asked.append(asked)
        self._out.append(command)
        return asked

    def _send_whole(self, asked: Asked, whole: bytes) -> None:
        """Again, to a Redis that has forgotten the script. It is due when it was due."""
        if not self._out:
            self._begin_turn()
        self._asked.append(asked)
        self._out.append(whole)

    def _begin_turn(self) -> None:
        self._turn = Turn(self._loop.time())
        self._loop.call_soon(self._flush)
        if self._watch is None:
            self._watch = self._loop.call_later(WATCH_EVERY_S, self._look)

    def _flush(self) -> None:
        if not self._out:
            return
        if self._replicas:
            self._out.append(pack(("WAIT", self._replicas, int(DURABLE_WITHIN_S * 1000))))
            self._asked.append(None)
        self.write(b"".join(self._out))
        self._out.clear()

    def on_reply(self, reply: Any) -> None:
        asked = self._asked.popleft()
        if asked is None:
            self._release(int(reply) if isinstance(reply, int) else 0)
            return
        if asked.turn is not self._measured:
            self._measured = asked.turn
            self._round_trip_s.add(asked.turn.age_s())
        if isinstance(reply, hiredis.ReplyError):
            self._on_error(asked, str(reply))
        elif self._replicas:
            self._held.append((asked, reply))
        else:
            asked.on_reply(reply)

    def _on_error(self, asked: Asked, text: str) -> None:
        """Nothing was written, so there is nothing for which replicas would have to be waited."""
        whole = asked.reading.whole(asked.what) if text.startswith("NOSCRIPT") else None
        if whole is None:
            asked.on_error(text)
        else:
            self._send_whole(asked, whole)

    def _release(self, holding: int) -> None:
        held, self._held = self._held, []
        for asked, reply in held:
            if holding >= self._replicas:
                asked.on_reply(reply)
            else:
                asked.fail(NotDurable())

    def on_down(self) -> None:
        lost = [asked for asked in self._asked if asked is not None] + [asked for asked, _ in self._held]
        self._asked.clear()
        self._held.clear()
        self._out.clear()
        for asked in lost:
            asked.fail(StoreUnavailable("the answer was lost"))

    def _look(self) -> None:
        """One timer for the whole connection watches over every reply that is due, and over those that are here
        and wait for the replicas."""
        self._watch = None
        now = self._loop.time()
        oldest = now
        # In a list of their own, because a caller who gets the timeout may send another command at once. All
        # of them: one that was sent again stands behind younger ones.
        for asked in [*(asked for asked, _ in self._held), *self._asked]:
            if asked is not None:
                oldest = min(oldest, asked.turn.at)
                if now - asked.turn.at >= DURABLE_WITHIN_S:
                    asked.fail(NotDurable())
        if now - oldest > DEAD_AFTER_S:
            self.drop()
        elif self._asked:
            self._watch = self._watch or self._loop.call_later(WATCH_EVERY_S, self._look)
