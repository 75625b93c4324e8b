"""Many processes, one terminal: each line with the name of who said it."""

import asyncio
import os
import re
import select
from collections import deque

PALETTE = {
    "blytz": "1;35",
    "redis": "31",
    "auction": "36",
    "live": "32",
    "hammer": "33",
    "nginx": "34",
    "demo": "35",
}
LONGEST_LINE = 3_500
"""Bytes; with its prefix a line fits into what a pipe that is ready takes at once (PIPE_BUF, 4096)."""
MOST_WAITING = 1_000
RETRY_S = 0.05

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNPRINTABLE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


class Console:
    """Never waits for its reader: a terminal that was paused would otherwise stop the services, whose output
    nobody then takes. What does not fit in the end is dropped, and counted aloud."""

    def __init__(self, names: list[str], descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._width = max(map(len, names))
        self.is_watched = os.isatty(descriptor)
        self.in_colour = self.is_watched and not os.environ.get("NO_COLOR")
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._retry: asyncio.TimerHandle | None = None

    def say(self, text: str, name: str = "blytz") -> None:
        """Each line of `text`, as said by `name`."""
        for line in text.split("\n"):
            self._put(f"{self._prefix(name)} {self._tidy(line)}".rstrip())

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.in_colour else text

    def _prefix(self, name: str) -> str:
        return self.paint(f"{name:<{self._width}} |", PALETTE.get(name, "37"))

    def _tidy(self, line: str) -> str:
        """What a child prints may repeat what a stranger wrote; it must not steer the terminal."""
        line = _UNPRINTABLE.sub("", line.replace("\t", "    "))
        if not self.in_colour:
            return _COLOUR.sub("", line)
        return line + "\x1b[0m" if "\x1b" in line else line

    def _put(self, line: str) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            left_out, self._dropped = self._dropped, 0
            self._put(f"{self._prefix('blytz')} {left_out} lines were left out: the terminal did not take them")
        self._waiting.append(line.encode(errors="replace")[:LONGEST_LINE] + b"\n")
        self.flush()

    def flush(self) -> None:
        """Write what the reader takes without waiting, and come back for the rest."""
        while self._waiting and self._is_ready():
            try:
                os.write(self._descriptor, self._waiting.popleft())
            except OSError:
                # The terminal was closed. The platform goes on until it is told to stop.
                self._descriptor = os.open(os.devnull, os.O_WRONLY)
        if self._waiting and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.flush()

    def _is_ready(self) -> bool:
        # select takes files too, which epoll refuses.
        return bool(select.select([], [self._descriptor], [], 0)[1])
