"""`/health`, `/ready` and `/metrics`: for operators, on the service's own port."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from litestar import Response, get
from litestar.openapi import ResponseSpec

from blytz.kit.http.litestar import RouteGroup
from blytz.kit.http.openapi import Examples
from blytz.kit.http.pages import Dependency, Health, Readiness, State, dependency, readiness
from blytz.kit.problems import Problem
from blytz.kit.telemetry.metrics import CONTENT_TYPE, Metrics

# Litestar names the charset itself.
_TEXT = CONTENT_TYPE.removesuffix("; charset=utf-8")

_ANSWERS: Final[Examples] = {
    "health": {"alive": {"status": "ok"}},
    "ready": {
        "ready": {
            "ready": True,
            "dependencies": {
                "redis": {"state": "up"},
                "database": {"state": "up"},
                "archive": {"state": "up"},
                "clock": {"state": "up"},
                "tasks": {"state": "up"},
                "video": {"state": "up", "optional": True},
            },
        }
    },
    "metrics": {"one counter": '# TYPE blytz_bids_total counter\nblytz_bids_total{outcome="accepted"} 17.0\n'},
}

Check = State | Callable[[], Awaitable[object]]
"""Gives the state at once, or returns when the dependency can serve and else raises a `Problem`."""


async def _checked(check: Check) -> Dependency:
    try:
        found = check()
        if isinstance(found, Awaitable):
            await found
            return Dependency("up")
    except Problem as problem:
        reason = problem.__cause__ or problem
        return Dependency("away", problem.code, str(reason))
    return dependency(found)


def operator_routes(metrics: Metrics, dependencies: Mapping[str, Check]) -> RouteGroup:
    @get("/health", operation_id="health", tags=["operator"], summary="Alive")
    async def health() -> Health:
        """200 for as long as the service is alive, whatever its dependencies do."""
        return Health("ok")

    @get(
        "/ready",
        operation_id="ready",
        tags=["operator"],
        summary="Ready to serve",
        responses={503: ResponseSpec(Readiness, generate_examples=False, description="something is away")},
    )
    async def ready() -> Response[Readiness]:
        """503 while something that the service needs is away; it comes back by itself. Not for what is
        `optional`, as issuers of tokens are."""
        found = readiness({name: await _checked(check) for name, check in dependencies.items()})
        return Response(found, status_code=200 if found.ready else 503)

    @get("/metrics", operation_id="metrics", tags=["operator"], summary="Prometheus text", media_type=_TEXT)
    async def render() -> bytes:
        return metrics.render()

    return RouteGroup([health, ready, render], answers=_ANSWERS)
