"""The hot path to Redis: one connection, and the commands of one loop turn leave in one write.

No call waits for a free connection, and Redis syncs its log once for the whole batch. Measured at 4 us of
CPU a call against 71 us through a pool (specs/decisions/0005).
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
CHECK_DUE_EVERY_S = 0.05

Convert = Callable[[Any], Any]

# Errors of a Redis that is there but cannot serve: nothing was decided, and the command may be sent again.
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

    def with_source(self, keys: Sequence[Part], args: Sequence[Part]) -> bytes:
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


class ReplyReader(Protocol):
    """How the reply to one kind of command is read. `request` is what the sender gave to `RedisPipe.send`."""

    def read(self, request: Any, reply: Any, turn: Turn) -> Any:
        """Make the answer from a reply that is no error. An exception that this raises becomes the answer."""

    def fault(self, text: str) -> Exception:
        """The exception for a command that Redis refused, or a script that failed by itself."""

    def with_source(self, request: Any) -> bytes | None:
        """The command with the script's source, for a Redis that has forgotten it."""


class SentCommand(Answer[Any]):
    """A command that was sent, and its answer."""

    __slots__ = ("reader", "request", "turn")

    def __init__(self, reader: ReplyReader, request: Any, turn: Turn) -> None:
        super().__init__()
        self.reader, self.request, self.turn = reader, request, turn

    def on_reply(self, reply: Any) -> None:
        try:
            value = self.reader.read(self.request, reply, self.turn)
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
            error = self.reader.fault(text)
        self.fail(error)


class _Command:
    """For `call`: the request is the reply's `convert`, if any."""

    def read(self, request: Convert | None, reply: Any, turn: Turn) -> Any:  # noqa: ARG002 - ReplyReader's
        return request(reply) if request else reply

    def fault(self, text: str) -> Exception:
        return RedisError(text)

    def with_source(self, request: Convert | None) -> None:  # noqa: ARG002 - ReplyReader's
        return None


class _Run:
    """For `run`: the request is the keys and the arguments of the script."""

    def __init__(self, script: Script, fault: Callable[[str], Exception]) -> None:
        self._script, self.fault = script, fault

    def read(self, request: Any, reply: Any, turn: Turn) -> Any:  # noqa: ARG002 - ReplyReader's
        return reply

    def with_source(self, request: tuple[Sequence[Part], Sequence[Part]]) -> bytes:
        return self._script.with_source(*request)


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
        self._outgoing: list[bytes] = []
        self.turns = 0
        """Writes so far: all commands between two of them leave together."""
        self._sent: deque[SentCommand | None] = deque()
        """Commands without a reply, in the order in which replies come; None stands for a WAIT."""
        self._unreplicated: list[tuple[SentCommand, Any]] = []
        """Commands with their replies, until the WAIT behind them is answered."""
        self._due_timer: asyncio.TimerHandle | None = None
        self._turn = self._measured_turn = Turn(0.0)
        self._round_trip_s = Histogram("", "")

    def register_metrics(self, metrics: Metrics) -> None:
        self._round_trip_s = metrics.histogram(
            "blytz_redis_round_trip_seconds", "From the commands of one turn to the first reply to them"
        )
        metrics.gauge("blytz_redis_in_flight", "Commands that wait for Redis", lambda: self.in_flight)
        metrics.gauge("blytz_redis_up", "1 while Redis is connected", self.up.is_set)

    @property
    def in_flight(self) -> int:
        return len(self._sent)

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
        """Run a script by its hash. If Redis has forgotten the script, it did not run and is sent again with its
        source. `fault` makes the exception of a script that failed by itself."""
        return self.send(script.by_hash(keys, args), _Run(script, fault), (keys, args))

    def send(self, command: bytes, reader: ReplyReader, request: Any) -> Answer[Any]:
        """Send a command that is packed already; `reader` makes the answer from `request` and the reply."""
        if not self.up.is_set():
            raise StoreUnavailable
        if len(self._sent) >= self._max_in_flight:
            raise Overloaded
        if not self._outgoing:
            self._begin_turn()
        sent = SentCommand(reader, request, self._turn)
        self._sent.append(sent)
        self._outgoing.append(command)
        return sent

    def _send_again(self, sent: SentCommand, command: bytes) -> None:
        """For a Redis that has forgotten the script. The command keeps its turn, and with it its deadline."""
        if not self._outgoing:
            self._begin_turn()
        self._sent.append(sent)
        self._outgoing.append(command)

    def _begin_turn(self) -> None:
        self._turn = Turn(self._loop.time())
        self._loop.call_soon(self._flush)
        if self._due_timer is None:
            self._due_timer = self._loop.call_later(CHECK_DUE_EVERY_S, self._check_due)

    def _flush(self) -> None:
        self.turns += 1
        if not self._outgoing:
            return
        if self._replicas:
            self._outgoing.append(pack(("WAIT", self._replicas, int(DURABLE_WITHIN_S * 1000))))
            self._sent.append(None)
        self.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def on_reply(self, reply: Any) -> None:
        sent = self._sent.popleft()
        if sent is None:
            self._on_replicas(int(reply) if isinstance(reply, int) else 0)
            return
        if sent.turn is not self._measured_turn:
            self._measured_turn = sent.turn
            self._round_trip_s.add(sent.turn.age_s())
        if isinstance(reply, hiredis.ReplyError):
            self._on_error(sent, str(reply))
        elif self._replicas:
            self._unreplicated.append((sent, reply))
        else:
            sent.on_reply(reply)

    def _on_error(self, sent: SentCommand, text: str) -> None:
        """Answered at once, because nothing was written that replicas would have to hold."""
        command = sent.reader.with_source(sent.request) if text.startswith("NOSCRIPT") else None
        if command is None:
            sent.on_error(text)
        else:
            self._send_again(sent, command)

    def _on_replicas(self, count: int) -> None:
        unreplicated, self._unreplicated = self._unreplicated, []
        for sent, reply in unreplicated:
            if count >= self._replicas:
                sent.on_reply(reply)
            else:
                sent.fail(NotDurable())

    def on_down(self) -> None:
        lost = [sent for sent in self._sent if sent is not None] + [sent for sent, _ in self._unreplicated]
        self._sent.clear()
        self._unreplicated.clear()
        self._outgoing.clear()
        for sent in lost:
            sent.fail(StoreUnavailable("the answer was lost"))

    def _check_due(self) -> None:
        """Fails what has no reply, or is on too few replicas, within `DURABLE_WITHIN_S`, and drops a connection
        that gave no reply for `DEAD_AFTER_S`. One timer serves all commands of the connection."""
        self._due_timer = None
        now = self._loop.time()
        oldest = now
        # A copy, because a caller that gets the timeout may send another command at once. All of it is searched,
        # because a command that was sent again stands behind younger ones.
        for sent in [*(sent for sent, _ in self._unreplicated), *self._sent]:
            if sent is not None:
                oldest = min(oldest, sent.turn.at)
                if now - sent.turn.at >= DURABLE_WITHIN_S:
                    sent.fail(NotDurable())
        if now - oldest > DEAD_AFTER_S:
            self.drop()
        elif self._sent:
            self._due_timer = self._due_timer or self._loop.call_later(CHECK_DUE_EVERY_S, self._check_due)
