"""Those who only watch a show, in a process of their own: one that reads fifty thousand frames a second would
measure its own delay with that of a bid.

Reads a `ChatJob` on stdin, one line of JSON. Says `ready` when all are connected, then obeys `begin`, and `end`,
which it answers with its result as one line of JSON.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvloop

from bench.jobs import ChatJob, Result
from bench.load_viewers import FRAMES_KEPT, TIMED_SHARE, source_of
from bench.tally import Tally, percentiles
from bench.wire import Socket, connect_all, messages_in

MAX_LINE_BYTES = 1_000_000
ANSWER_WITHIN_S = 120

Span = tuple[str, int, int, list[int]]
"""Events of one topic in a frame: its name, the first and the last seq, the `at` of each."""


class Crowd:
    """What the watchers share. A frame arrives a thousand times and is decoded once."""

    def __init__(self, job: ChatJob, tally: Tally) -> None:
        self.job = job
        self.tally = tally
        self.show = f"show:{job.show}"
        self.gaps = 0
        self.messages = 0
        """Chat messages that were delivered."""
        self.frames = 0
        self.delays_s: list[float] = []
        """From `at` of a message to its arrival."""
        self._frames: dict[bytes, list[Span]] = {}

    def fill_in(self, result: Result) -> Result:
        result.messages, result.frames, result.gaps = self.messages, self.frames, self.gaps
        result.fanout_ms = percentiles(self.delays_s)
        return result

    def spans_in(self, frame: bytes) -> list[Span]:
        found = self._frames.get(frame)
        if found is None:
            if len(self._frames) >= FRAMES_KEPT:
                self._frames.clear()
            found = self._frames[frame] = self.read(messages_in(frame))
        return found

    def read(self, messages: list[dict[str, Any]]) -> list[Span]:
        """Counts each gap in the frame, and each snapshot: no watcher should need a second one."""
        self.gaps += sum(message["type"] == "snapshot" for message in messages)
        spans: list[Span] = []
        for topic in {message["topic"] for message in messages if message["type"] == "event"}:
            events = [
                message for message in messages if message.get("topic") == topic and message["type"] == "event"
            ]
            seqs = [event["seq"] for event in events]
            self.gaps += seqs != list(range(seqs[0], seqs[-1] + 1))
            spans.append((topic, seqs[0], seqs[-1], [event["at"] for event in events]))
        return spans


class Watcher(Socket):
    """Watches the show, and with it the auction of its open lot."""

    def __init__(self, number: int, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd
        self._timed = number % TIMED_SHARE == 0
        self._seq: dict[str, int] = {}

    def on_text(self, frame: bytes) -> None:
        if self.ready.done():
            self._record(self._crowd.spans_in(frame))
        else:
            for message in messages_in(frame):
                self._begin(message)

    def _begin(self, message: dict[str, Any]) -> None:
        if message["type"] == "welcome":
            self.send_text(msgspec.json.encode({"type": "watch", "topic": self._crowd.show, "follow": True}))
        elif message["type"] in {"snapshot", "event"}:
            self._seq[message["topic"]] = message["seq"]
            if len(self._seq) == 2 and not self.ready.done():
                self.ready.set_result(None)
        elif message["type"] == "error":
            self.ready.set_exception(RuntimeError(f"cannot watch: {message}"))

    def _record(self, spans: list[Span]) -> None:
        crowd = self._crowd
        for topic, first, last, at in spans:
            crowd.gaps += first != self._seq[topic] + 1
            self._seq[topic] = last
            if crowd.tally.counting:
                crowd.tally.delivered += len(at)
                crowd.frames += 1
                if topic == crowd.show:
                    crowd.messages += len(at)
                    if self._timed:
                        now = time.time()
                        crowd.delays_s.extend(now - each / 1000 for each in at)


class CrowdProcess:
    """As the process that measures sees it."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def ask(self, line: bytes) -> bytes:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(line + b"\n")
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer = await self._child.stdout.readline()
        if not answer:
            raise RuntimeError("the process of the viewers has ended")
        return answer

    async def begin(self) -> None:
        await self.ask(b"begin")

    async def end(self) -> Result:
        return msgspec.json.decode(await self.ask(b"end"), type=Result)


@asynccontextmanager
async def crowd_of(job: ChatJob) -> AsyncIterator[CrowdProcess]:
    """Connected, on the core of this process."""
    command = (sys.executable, "-m", "bench.crowd")
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=MAX_LINE_BYTES)
    try:
        crowd = CrowdProcess(child)
        await crowd.ask(msgspec.json.encode(job))
        yield crowd
    finally:
        child.kill()
        await child.wait()


async def _run() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    job = msgspec.json.decode(await lines.readline(), type=ChatJob)
    tally = Tally()
    crowd = Crowd(job, tally)
    watchers = [Watcher(number, crowd) for number in range(job.viewers)]
    await connect_all(
        watcher.connect("127.0.0.1", job.target.port, source=source_of(number))
        for number, watcher in enumerate(watchers)
    )
    _say(b"ready")
    while line := (await lines.readline()).strip():
        if line == b"begin":
            tally.begin()
            _say(b"begun")
        else:
            result = crowd.fill_in(tally.end())
            result.closed = sum(watcher.closed for watcher in watchers)
            _say(msgspec.json.encode(result))


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_run())
