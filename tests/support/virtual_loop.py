"""An event loop whose time jumps to the next timer when nothing is ready, so that waiting takes no time."""

import asyncio
from collections.abc import Callable


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._now = max(self._now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

    def turn(self, times: int = 1) -> None:
        """Runs ready callbacks, this many turns."""
        for _ in range(times):
            self.run_until_complete(asyncio.sleep(0))

    def act(self, act: Callable[..., object], *args: object) -> None:
        """Runs `act` as a callback of the loop, alone."""
        asyncio._set_running_loop(self)
        try:
            act(*args)
        finally:
            asyncio._set_running_loop(None)

    def pass_time(self, seconds: float) -> None:
        self.run_until_complete(asyncio.sleep(seconds))
