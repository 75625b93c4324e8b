"""Where log lines leave the process, without ever holding up its loop.

A write to a pipe whose reader sleeps, or to a full disk, blocks. Here that happens to a thread of its own: lines
wait in a bounded queue, and past the bound they are dropped and counted. Every line of a process goes this way, so
no two of them are ever mixed.
"""

import atexit
import contextlib
import os
import threading
import time
from collections import deque
from typing import Final

MAX_LINES: Final = 20_000
MAX_LINE_BYTES: Final = 32_768
"""Bytes; a longer one (a traceback of great depth) is cut."""
GATHER_S: Final = 0.02
"""Lines that come within so long leave in one write. A process that is killed takes that much with it."""
CLOSE_GRACE_S: Final = 1.0


class Sink:
    """A file as far as `structlog` and `logging` need one. `dropped` counts the lines that did not fit."""

    def __init__(self, descriptor: int = 2, max_lines: int = MAX_LINES) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._max_lines = max_lines
        # Appending and taking from the ends are atomic, so the two threads need no lock.
        self._waiting: deque[bytes] = deque()
        self._writing = False
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None

    def put(self, line: bytes) -> None:
        """One whole line with its end. Never waits, never raises."""
        if len(self._waiting) >= self._max_lines:
            self.dropped += 1
            return
        self._waiting.append(line)
        if not self._writing:
            self._start()

    def write(self, text: str) -> int:
        """For `structlog` and `logging`, which write a line and its end in one piece."""
        data = text.encode(errors="replace")
        self.put(data if len(data) <= MAX_LINE_BYTES else data[:MAX_LINE_BYTES] + b"\n")
        return len(text)

    def flush(self) -> None:
        """Lines leave by themselves; `close` waits for them."""

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def close(self, within_s: float = CLOSE_GRACE_S) -> None:
        """Wait until everything was written, at most so long."""
        self._wake.set()
        deadline = time.monotonic() + within_s
        while self._waiting and time.monotonic() < deadline:
            self._idle.wait(0.01)
        self._idle.wait(max(0.0, deadline - time.monotonic()))

    def _start(self) -> None:
        self._writing = True
        self._idle.clear()
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
            atexit.register(self.close)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                time.sleep(GATHER_S)
                self._write([self._waiting.popleft() for _ in range(len(self._waiting))])
            # A line put between the loop above and this statement started nothing, so `_waiting` is checked again.
            self._writing = False
            if self._waiting:
                self._writing = True
                self._wake.set()
            else:
                self._idle.set()

    def _write(self, lines: list[bytes]) -> None:
        data = memoryview(b"".join(lines))
        # The reader of the log may be gone; the service goes on without it.
        with contextlib.suppress(OSError):
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    # Another process made this shared descriptor non-blocking; this thread may wait.
                    time.sleep(GATHER_S)
