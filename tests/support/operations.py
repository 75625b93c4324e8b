"""The operations of the OpenAPI documents in `specs/`, and requests for them."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from tests.support.specs import SPECS
from tests.support.specs import document as specs_document


@dataclass(frozen=True)
class Operation:
    """One operation of a document, as written there."""

    id: str
    method: str
    path: str
    document: dict[str, Any] = field(hash=False, compare=False, repr=False)

    def answer(self, status: str) -> dict[str, Any]:
        content = self.document["responses"][status].get("content", {})
        return dict(next(iter(content.values()), {}))

    def answer_examples(self, status: str) -> dict[str, Any]:
        return dict(self.answer(status).get("examples", {})) if status in self.document["responses"] else {}

    def request(self, name: str) -> Any:
        content = self.document.get("requestBody", {}).get("content", {})
        examples: dict[str, Any] = dict(next(iter(content.values()), {})).get("examples", {})
        return examples.get(name, next(iter(examples.values()), {"value": None}))["value"]


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """The operations of all services, with the path prefix of each at the gateway."""
    found = []
    for path in sorted(SPECS.glob("openapi/*.yaml")):
        document = specs_document(f"openapi/{path.name}")
        before = document["servers"][0]["url"]
        for route, item in document["paths"].items():
            for method, operation in item.items():
                front = "" if operation.get("servers") else before
                found.append(Operation(operation["operationId"], method.upper(), front + route, operation))
    return tuple(found)


@dataclass(frozen=True)
class Ask:
    """A request that can be sent."""

    operation: Operation
    token: str = ""
    body: Any = None
    parts: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    """The Idempotency-Key."""

    def but(self, **changes: Any) -> "Ask":
        return replace(self, **changes)
