"""Waits until services are ready, without an HTTP library: `blytz up` itself stays small."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CHECK_EVERY_S = 0.05
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
        except (OSError, TimeoutError, ValueError):
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


async def wait_for_all(checks: Sequence[Check], not_ready: Callable[[list[str]], None]) -> None:
    """Returns when every check has passed once. Until then `not_ready` is called with the names of the others,
    after each round of checks; what it raises ends the wait."""
    waiting = list(checks)
    while True:
        passed = await asyncio.gather(*(check.passes() for check in waiting))
        waiting = [check for check, is_ready in zip(waiting, passed, strict=True) if not is_ready]
        if not waiting:
            return
        not_ready([check.name for check in waiting])
        await asyncio.sleep(CHECK_EVERY_S)
