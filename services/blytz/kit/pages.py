"""`/health`, `/ready` and `/metrics`: what the operator sees of a process, on its own port."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from blytz.kit import metrics as kit_metrics
from blytz.kit.metrics import Metrics
from blytz.kit.problems import CONTENT_TYPE, NotFound

Page = Callable[[], tuple[int, str, bytes]]
"""Makes status, content type and body; never waits."""
JSON = "application/json"
LONGEST_REQUEST = 8_192
PATIENCE_S = 5.0


def operator_pages(metrics: Metrics, dependencies: Mapping[str, Callable[[], bool]]) -> dict[bytes, Page]:
    """`/health` says that the process lives, `/ready` which of its dependencies do (503 while one does not)."""

    def ready() -> tuple[int, str, bytes]:
        states = {name: is_up() for name, is_up in dependencies.items()}
        said = {name: "up" if is_up else "away" for name, is_up in states.items()}
        body = msgspec.json.encode({"ready": all(states.values()), "dependencies": said})
        return (200 if all(states.values()) else 503), JSON, body

    return {
        b"/health": lambda: (200, JSON, b'{"alive":true}'),
        b"/ready": ready,
        b"/metrics": lambda: (200, kit_metrics.CONTENT_TYPE, metrics.render()),
    }


async def serve_pages(host: str, port: int, pages: Mapping[bytes, Page]) -> asyncio.Server:
    """For a process that has no HTTP of its own. Raises OSError when the port is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                request = await reader.readuntil(b"\r\n\r\n")
                path = request.split(b" ", 2)[1].partition(b"?")[0]
                page = pages.get(path)
                status, kind, body = page() if page else (404, CONTENT_TYPE, NotFound().body())
                head = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
            pass  # Whoever it was did not speak HTTP, or has left.
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=LONGEST_REQUEST)
