"""A unix socket in front of another one, which can hold back its answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

CHUNK = 65_536


class Proxy:
    def __init__(self, behind: Path, path: Path) -> None:
        self.path = path
        self._behind = behind
        self._answers_pass = asyncio.Event()
        self._answers_pass.set()
        self._keep_after: int | None = None
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def keep_answers(self) -> None:
        """From now on commands are passed on and answers are not."""
        self._answers_pass.clear()

    def keep_answers_after(self, count: int) -> None:
        """The same after `count` answers, if each command waits for the answer before it."""
        self._keep_after = count

    def pass_answers(self) -> None:
        self._keep_after = None
        self._answers_pass.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back_reader, back_writer = await asyncio.open_unix_connection(self._behind)
        except OSError:
            writer.close()
            return
        self._start(self._pump(reader, back_writer, answers=False))
        self._start(self._pump(back_reader, writer, answers=True))

    def _start(self, way: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(way)
        self._ways.add(task)
        task.add_done_callback(self._ways.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(CHUNK):
                    if answers and self._keep_after is not None:
                        self._keep_after -= 1
                        if self._keep_after < 0:
                            self.keep_answers()
                    # Answers held back are lost, as when a connection breaks.
                    if not answers or self._answers_pass.is_set():
                        writer.write(data)
                        await writer.drain()
        finally:
            writer.close()

    async def close(self) -> None:
        for way in list(self._ways):
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)


@contextlib.asynccontextmanager
async def proxy_before(behind: Path) -> AsyncIterator[Proxy]:
    """A proxy before this socket, listening beside it."""
    proxy = Proxy(behind, behind.with_name("proxy.sock"))
    server = await asyncio.start_unix_server(proxy.serve, proxy.path)
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
