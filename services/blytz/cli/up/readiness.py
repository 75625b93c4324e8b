"""Whether a service is ready, asked with as little as possible: `blytz up` stays small."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ASK_EVERY_S = 0.05
ANSWER_WITHIN_S = 2.0


@dataclass(frozen=True)
class Check:
    name: str
    host: str
    port: int
    path: str

    async def passes(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._status() == b"200"
        except (OSError, TimeoutError):
            return False

    async def _status(self) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: blytz\r\nConnection: close\r\n\r\n".encode())
            first = await reader.readline()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return [*first.split(), b"", b""][1]


async def wait_for_all(checks: Sequence[Check], patience_s: float, still: Callable[[list[str]], None]) -> None:
    """`still(names)` is told every `patience_s` seconds who is not ready yet."""
    waiting = set(checks)

    async def until_passes(check: Check) -> None:
        # What we wait for is in another process.
        while not await check.passes():  # noqa: ASYNC110
            await asyncio.sleep(ASK_EVERY_S)
        waiting.discard(check)

    tasks = [asyncio.create_task(until_passes(check)) for check in checks]
    try:
        while waiting:
            await asyncio.wait(tasks, timeout=patience_s)
            if waiting:
                still(sorted(check.name for check in waiting))
    finally:
        for task in tasks:
            task.cancel()
