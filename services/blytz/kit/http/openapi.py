"""The OpenAPI 3.1 of a service: operations by Litestar, schemas by msgspec, which knows every bound."""

from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from msgspec import Struct

Examples = Mapping[str, Mapping[str, Any]]
"""By operationId and by the name of the example."""
OPERATOR: Final = "operator"
"""Tag of the calls that nginx does not pass on to the public."""
_END_FOR_PYTHON: Final = r"$(?!\n)"


class Kinds(OpenAPISchemaPlugin):
    """Collects the structs that a document refers to, for msgspec to describe. Litestar's own schema of a struct
    is not exact: it leaves out that unknown fields are refused, and the bounds of the items of a tuple."""

    def __init__(self, requests: Examples, answers: Examples) -> None:
        self.seen: dict[str, type[Struct]] = {}
        self.requests = requests
        self.answers = answers

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return not field_definition.is_union and field_definition.is_subclass_of(Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        self.seen[field_definition.annotation.__name__] = field_definition.annotation
        schema: Schema = schema_creator.create_component_schema(field_definition, required=[], property_fields={})
        return schema


@lru_cache(maxsize=8)
def schema_of(app: Litestar) -> dict[str, Any]:
    """The whole document, as it is served and as `specs/` keeps it: the same bytes for the same code."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    kinds = app.plugins.get(Kinds)
    _, exact = msgspec.json.schema_components(kinds.seen.values(), ref_template="#/components/schemas/{name}")
    schemas = document["components"]["schemas"] | exact
    _, taken = msgspec.json.schema_components(_bodies(document, kinds))
    open_answers(schemas, taken)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    make_portable(document)
    document["paths"] = dict(sorted(document["paths"].items()))
    for path in document["paths"].values():
        for method, operation in sorted(path.items()):
            path[method] = path.pop(method)
            _mend(operation)
            _show(operation, kinds.requests, kinds.answers)
            if OPERATOR in operation["tags"] and operation["operationId"] != "health":
                operation["servers"] = [{"url": "/", "description": "the service's own port, never the gateway"}]
    return document


def open_answers(schemas: dict[str, Any], taken: Container[str]) -> None:
    """Only what is `taken` from clients refuses unknown fields. An answer may get more of them with any version,
    and a client ignores those it does not know (protocol, section 1), however exact our own struct is."""
    for name, schema in schemas.items():
        if name not in taken and schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def make_portable(node: Any) -> None:
    """Python's `$` also holds before a final line break, hence our `$(?!\\n)`. In the dialect of JSON Schema
    (ECMA-262) it does not, and RE2, which Go and others have, cannot look around: a document says just `$`."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            node["pattern"] = node["pattern"].replace(_END_FOR_PYTHON, "$")
        for part in node.values():
            make_portable(part)
    elif isinstance(node, list):
        for part in node:
            make_portable(part)


def _bodies(document: dict[str, Any], kinds: Kinds) -> list[type[Struct]]:
    """The structs that requests are read as."""
    operations = (operation for path in document["paths"].values() for operation in path.values())
    bodies = (operation.get("requestBody", {}).get("content", {}) for operation in operations)
    # What is not JSON has no struct.
    media = (one["application/json"] for one in bodies if "application/json" in one)
    schemas = (one for each in media for one in each["schema"].get("oneOf", [each["schema"]]))
    return [kinds.seen[schema["$ref"].rpartition("/")[2]] for schema in schemas]


def _mend(operation: dict[str, Any]) -> None:
    """Litestar documents its own answer to wrong parameters, where ours is 422, gives each example a field that
    OpenAPI does not know, and describes a good answer in words of its own."""
    responses = operation["responses"]
    responses.pop("400", None)
    operation["responses"] = responses = dict(sorted(responses.items()))
    for status, response in responses.items():
        if status.startswith("2"):
            response["description"] = operation.get("description", operation["summary"])
        for media in response.get("content", {}).values():
            for example in media.get("examples", {}).values():
                example.pop("id", None)


def _show(operation: dict[str, Any], requests: Examples, answers: Examples) -> None:
    name = operation["operationId"]
    good: dict[str, Any] = next(
        (answer for status, answer in operation["responses"].items() if status.startswith("2")), {}
    )
    for place, examples in ((operation.get("requestBody", {}), requests), (good, answers)):
        for media in place.get("content", {}).values():
            if name in examples:
                media["examples"] = {example: {"value": value} for example, value in examples[name].items()}
