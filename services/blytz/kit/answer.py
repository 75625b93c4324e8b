"""A result that comes later: awaited like a future, or passed on in the same turn of the loop in which it came.

A future tells its callbacks in a later turn, through an entry of the loop's queue for each: 2.4 us of CPU, a
twelfth of all that a bid over WebSocket costs. Here the one who waits is called at once.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Generator
from typing import Any, Final, Generic, Self, TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")
_NOT_HERE: Final = object()


class Answer(Generic[T]):
    """Given once; a second time is ignored. At most one waits for it, by `then` or by `await`."""

    __slots__ = ("_callback", "_error", "_value")

    def __init__(self) -> None:
        self._value: Any = _NOT_HERE
        """None once it has failed."""
        self._error: Exception | None = None
        self._callback: Callable[[Answer[T]], None] | None = None

    @classmethod
    def of(cls, value: T) -> Self:
        """One that is here already."""
        answer = cls()
        answer.give(value)
        return answer

    def done(self) -> bool:
        return self._value is not _NOT_HERE

    def result(self) -> T:
        """Raises what `fail` was given. Only once it is here."""
        if self._error is not None:
            raise self._error
        assert self._value is not _NOT_HERE, "asked for before it was here"
        value: T = self._value
        return value

    def exception(self) -> Exception | None:
        return self._error

    def then(self, callback: "Callable[[Answer[T]], None]") -> None:
        """`callback` is called with this answer when it is here, at once if it is. What it raises is logged,
        so that other answers still come."""
        assert self._callback is None, "it has a callback already"
        self._callback = callback
        if self.done():
            self._tell()

    def give(self, value: T) -> None:
        if self._value is _NOT_HERE:
            self._value = value
            self._tell()

    def fail(self, error: Exception) -> None:
        if self._value is _NOT_HERE:
            self._value, self._error = None, error
            self._tell()

    def _tell(self) -> None:
        try:
            if self._callback is not None:
                self._callback(self)
        except Exception:
            log.exception("answer_not_taken")

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done():
            here: Future[None] = get_running_loop().create_future()
            self.then(lambda _: None if here.done() else here.set_result(None))
            yield from here
        return self.result()
