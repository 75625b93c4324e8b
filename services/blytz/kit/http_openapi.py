"""The OpenAPI 3.1 of a service: operations by Litestar, schemas by msgspec, which knows every bound."""

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from msgspec import UNSET, Struct, UnsetType

from blytz.kit.problems import CONTENT_TYPE, Problem


class Fault(Struct):
    path: str
    detail: str


class ProblemBody(Struct):
    """RFC 9457. `code` is what a program acts on, `detail` what a person reads."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    minimum: int | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    errors: list[Fault] | UnsetType = UNSET


def documented(*problems: Problem) -> dict[int, ResponseSpec]:
    """For `responses=`: the problems that a call may answer with, each as an example of its status."""
    by_status: dict[int, list[Problem]] = {}
    for problem in problems:
        by_status.setdefault(problem.status, []).append(problem)
    return {status: _documented(group) for status, group in by_status.items()}


def _documented(group: list[Problem]) -> ResponseSpec:
    return ResponseSpec(
        ProblemBody,
        generate_examples=False,
        description=" or ".join(sorted({f"`{problem.code}`" for problem in group})),
        media_type=CONTENT_TYPE,
        examples=[Example(id=problem.code, summary=problem.detail, value=problem.content()) for problem in group],
    )


class Kinds(OpenAPISchemaPlugin):
    """Remembers which structs a document speaks of. Litestar's own schema of a struct is not exact: it forgets
    that unknown fields are refused, and the bounds of what is inside a tuple."""

    def __init__(self) -> None:
        self.seen: dict[str, type[Struct]] = {}

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return not field_definition.is_union and field_definition.is_subclass_of(Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        self.seen[field_definition.annotation.__name__] = field_definition.annotation
        schema: Schema = schema_creator.create_component_schema(field_definition, required=[], property_fields={})
        return schema


@lru_cache(maxsize=8)
def schema_of(app: Litestar) -> dict[str, Any]:
    """The whole document, as it is served and as `specs/` keeps it."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    kinds = app.plugins.get(Kinds).seen.values()
    _, exact = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schemas = document["components"]["schemas"] | exact
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    for path in document["paths"].values():
        for operation in path.values():
            _mend(operation["responses"])
    return document


def _mend(responses: dict[str, Any]) -> None:
    """Litestar documents its own answer to wrong parameters, where ours is 422, and gives each example a field
    that OpenAPI does not know."""
    responses.pop("400", None)
    for response in responses.values():
        for media in response.get("content", {}).values():
            for example in media.get("examples", {}).values():
                example.pop("id", None)
