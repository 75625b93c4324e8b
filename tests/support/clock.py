"""Time set by the test, for both stores."""

from collections.abc import Callable

from blytz.auction.redis.scripts import load_scripts
from blytz.kit.redis.pipe import RedisPipe, Script
from tests.support.auctions import T0

CLOCK_KEY = "test:clock"
_OWN_TIME = """\
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
"""
_TEST_TIME = f"""\
  return tonumber(redis.call('GET', '{CLOCK_KEY}'))
"""


def on_test_clock(source: str) -> str:
    """A script with the time of `CLOCK_KEY` in place of the server's."""
    assert source.count(_OWN_TIME) == 1, "the scripts read time in another way now"
    changed = source.replace(_OWN_TIME, _TEST_TIME)
    assert "'TIME'" not in changed, "another place reads the server's time"
    return changed


def scripts_on_test_clock(edit: Callable[[str], str] = lambda source: source) -> dict[str, Script]:
    """The scripts of an auction on the test's clock, changed by `edit`."""
    return load_scripts(lambda source: edit(on_test_clock(source)))


class Clock:
    """Milliseconds; the same for whoever calls it and, with a `pipe`, for the scripts sent over it later."""

    def __init__(self, pipe: RedisPipe | None = None, now: int = T0) -> None:
        self._pipe = pipe
        self.stepped_ms, self.is_known = 0, True
        self.set(now)

    def __call__(self) -> int:
        return self.now

    def set(self, now: int) -> None:
        self.now = now
        if self._pipe:
            # Commands of one connection are executed in order, so this one need not be awaited.
            self._pipe.call("SET", CLOCK_KEY, now)

    def steady(self) -> int | None:
        return self.now - self.stepped_ms

    def advance(self, by_ms: int) -> None:
        self.set(self.now + by_ms)
