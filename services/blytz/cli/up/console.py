"""The terminal of `blytz up`: lines of many processes, each with the name of the process that wrote it."""

import asyncio
import errno
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
MAX_LINE_BYTES = 3_500
"""With its prefix a line fits into what a pipe that is ready takes at once (PIPE_BUF, 4096)."""
MAX_WAITING = 1_000
"""Lines; further ones are dropped and counted."""
RETRY_S = 0.05

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNPRINTABLE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Console:
    """`write` never waits and never raises: a paused terminal or a full disk must not stop the services. Lines
    that cannot be written now wait, up to a bound."""

    def __init__(self, names: list[str], descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._width = max(map(len, names))
        self.is_terminal = os.isatty(descriptor)
        self.in_colour = self.is_terminal and not os.environ.get("NO_COLOR")
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._retry: asyncio.TimerHandle | None = None

    def write(self, text: str, name: str = "blytz") -> None:
        """Each line of `text`, with `name` before it."""
        for line in text.split("\n"):
            self._put(f"{self._prefix(name)} {self._clean(line)}".rstrip())

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.in_colour else text

    def _prefix(self, name: str) -> str:
        return self.paint(f"{name:<{self._width}} |", PALETTE.get(name, "37"))

    def _clean(self, line: str) -> str:
        """A child's log may repeat text of other users, which must not send commands to the terminal."""
        line = _UNPRINTABLE.sub("", line.replace("\t", "    "))
        if not self.in_colour:
            return _COLOUR.sub("", line)
        return line + "\x1b[0m" if "\x1b" in line else line

    def _put(self, line: str) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._put(f"{self._prefix('blytz')} {dropped} lines were dropped: they could not be written in time")
        self._waiting.append(line.encode(errors="replace")[:MAX_LINE_BYTES] + b"\n")
        self._flush()

    def _flush(self) -> None:
        """Write what can be written without waiting, and come back for the rest."""
        try:
            while self._waiting and self._is_ready():
                written = os.write(self._descriptor, self._waiting[0])
                self._waiting[0] = self._waiting[0][written:]
                if not self._waiting[0]:
                    self._waiting.popleft()
        except OSError as error:
            if error.errno not in _DISK_FULL:
                # The terminal was closed, or the reader of the pipe has ended: the rest has no reader.
                self._descriptor = os.open(os.devnull, os.O_WRONLY)
        if self._waiting and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._flush()

    def _is_ready(self) -> bool:
        # select takes files too, which epoll refuses.
        return bool(select.select([], [self._descriptor], [], 0)[1])
