"""`/health`, `/ready` and `/metrics`: what the operator sees of a process, on its own port."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from blytz.kit.problems import CONTENT_TYPE, NotFound
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry import metrics as kit_metrics
from blytz.kit.telemetry.metrics import Metrics


class Health(Struct, frozen=True):
    status: Literal["ok"]


class Dependency(Struct, frozen=True):
    """`unasked`: not needed so far. `unavailable`: not configured. The service is ready even while an `optional`
    dependency is away."""

    state: Literal["up", "away", "unasked", "unavailable"]
    code: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    away_for_ms: int | UnsetType = UNSET
    optional: bool | UnsetType = UNSET


class Readiness(Struct, frozen=True):
    ready: bool
    dependencies: dict[str, Dependency]


def readiness(found: dict[str, Dependency]) -> Readiness:
    return Readiness(all(one.state == "up" or one.optional is True for one in found.values()), found)


def task_state(tasks: TaskSupervisor) -> Callable[[], Dependency]:
    """`away` while a background task fails; `detail` names it, the log says why."""

    def state() -> Dependency:
        failing = tasks.failing()
        return Dependency("away", "task_failing", ", ".join(failing)) if failing else Dependency("up")

    return state


def dependency(state: bool | Dependency) -> Dependency:
    return state if isinstance(state, Dependency) else Dependency("up" if state else "away")


State = Callable[[], bool | Dependency]
"""Of one dependency; never waits."""
Page = Callable[[], tuple[int, str, bytes]]
"""Makes status, content type and body; never waits."""
JSON = "application/json"
MAX_REQUEST_BYTES = 8_192
REQUEST_TIMEOUT_S = 5.0


def operator_pages(metrics: Metrics, dependencies: Mapping[str, State]) -> dict[bytes, Page]:
    """`/health` says that the process lives, `/ready` which of its dependencies do (503 while one does not)."""

    def ready() -> tuple[int, str, bytes]:
        found = readiness({name: dependency(state()) for name, state in dependencies.items()})
        return (200 if found.ready else 503), JSON, msgspec.json.encode(found)

    return {
        b"/health": lambda: (200, JSON, msgspec.json.encode(Health("ok"))),
        b"/ready": ready,
        b"/metrics": lambda: (200, kit_metrics.CONTENT_TYPE, metrics.render()),
    }


async def serve_pages(host: str, port: int, pages: Mapping[bytes, Page]) -> asyncio.Server:
    """For a process that has no HTTP of its own. Raises OSError when the port is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n\r\n")
                path = request.split(b" ", 2)[1].partition(b"?")[0]
                page = pages.get(path)
                status, kind, body = page() if page else (404, CONTENT_TYPE, NotFound().body())
                head = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
            pass  # The client did not speak HTTP, or has left.
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=MAX_REQUEST_BYTES)
