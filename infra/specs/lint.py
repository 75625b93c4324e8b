"""House rules for the documents of `specs/`, beyond what their own standards ask.

OpenAPI documents are held against the official meta-schema of 3.1. No Python package carries AsyncAPI's, so ours,
`asyncapi_schema.py`, allows only the parts of 3.0 that we use; every message's schema is held against draft 07.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

from infra.specs.asyncapi_schema import ASYNCAPI

PROBLEM: Final = "application/problem+json"
NOT_A_PROBLEM: Final = {("ready", "503")}
"""`/ready` says the same things whether or not all is well; its status is what differs."""
METHODS: Final = ("get", "put", "post", "delete", "patch")
_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")
_OPERATION_ID = re.compile(r"[a-z][A-Za-z0-9]*")

Node = dict[str, Any]


def findings(document: Node) -> Iterator[str]:
    """One sentence for each fault."""
    dangling = list(_dangling(document))
    if dangling:
        # Nothing else could be followed to its end.
        yield from dangling
        return
    if "asyncapi" in document:
        yield from _asyncapi(document)
    else:
        yield from _openapi(document)
    yield from _closed_answers(document)
    for pattern in sorted({*_patterns_in(document)}):
        if _LOOKS_AROUND.search(pattern):
            yield f"the pattern {pattern} looks around: RE2, which Go and others have, cannot"
    yield from _unused(document)


def _openapi(document: Node) -> Iterator[str]:
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        yield f"OpenAPI 3.1: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
    names: dict[str, str] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                where = f"{method.upper()} {path}"
                yield from (f"{where}: {fault}" for fault in _operation(document, item[method]))
                name = item[method].get("operationId", "")
                if name in names:
                    yield f"{where}: operationId {name} is that of {names[name]}, too"
                names[name] = where


def _operation(document: Node, operation: Node) -> Iterator[str]:
    if not _OPERATION_ID.fullmatch(operation.get("operationId", "")):
        yield "an operationId in camelCase is missing"
    yield from (f"{word} is missing" for word in ("summary", "tags") if not operation.get(word))
    if "operator" not in operation.get("tags", ()) and not _errors_of(operation):
        yield "no error answer is documented"
    for status, answer in operation["responses"].items():
        where = f"{status}: "
        kinds = set(answer.get("content", {}))
        is_problem = (
            status in _errors_of(operation) and (operation.get("operationId"), status) not in NOT_A_PROBLEM
        )
        if is_problem and kinds != {PROBLEM}:
            yield f"{where}an error is answered as {PROBLEM}, not as {', '.join(sorted(kinds)) or 'nothing'}"
        if is_problem or status.startswith("2"):
            yield from (where + fault for fault in _examples(document, answer))
    if "requestBody" in operation:
        yield from (f"request: {fault}" for fault in _examples(document, operation["requestBody"]))


def _errors_of(operation: Node) -> list[str]:
    return [status for status in operation["responses"] if status[0] in "45"]


def _examples(document: Node, place: Node) -> Iterator[str]:
    """Content without an example, and examples that are not what their schema says."""
    for kind, media in place.get("content", {}).items():
        if not media.get("examples"):
            yield f"{kind} has no example; those of good calls are in the service's api_examples.py"
        if kind.startswith("text/"):
            continue
        check = jsonschema_rs.Draft202012Validator(media["schema"] | {"components": document["components"]})
        for name, example in media.get("examples", {}).items():
            yield from (
                f"example {name!r}{_place(error)}: {error.message}"
                for error in check.iter_errors(example["value"])
            )


def _asyncapi(document: Node) -> Iterator[str]:
    for error in jsonschema_rs.Draft202012Validator(ASYNCAPI).iter_errors(document):
        yield f"AsyncAPI 3.0:{_place(error)}: {error.message[:300]}"
    schemas = document["components"]["schemas"]
    draft_07 = {"$schema": "http://json-schema.org/draft-07/schema#"}
    unsound = [name for name, schema in schemas.items() if not jsonschema_rs.meta.is_valid(draft_07 | schema)]
    if unsound:
        yield from (f"schema {name} is not JSON Schema draft 07" for name in unsound)
        return
    for name, message in document["components"]["messages"].items():
        check = jsonschema_rs.Draft7Validator(message["payload"] | {"components": document["components"]})
        for number, example in enumerate(message.get("examples", []), 1):
            for error in check.iter_errors(example["payload"]):
                yield f"message {name}, example {number}{_place(error)}: {error.message}"
    told = {ref for operation in document["operations"].values() for ref in _refs_in(operation)}
    for name, channel in document["channels"].items():
        for message in channel["messages"]:
            if f"#/channels/{name}/messages/{message}" not in told:
                yield f"message {message} is in no operation"


def _place(error: Any) -> str:
    return "".join(f" / {part}" for part in error.instance_path)


def _refs_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from _refs_in(part)
    elif isinstance(node, list):
        for part in node:
            yield from _refs_in(part)


def _patterns_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for part in node.values():
            yield from _patterns_in(part)
    elif isinstance(node, list):
        for part in node:
            yield from _patterns_in(part)


def _dangling(document: Node) -> Iterator[str]:
    for ref in sorted(set(_refs_in(document))):
        if _at(document, ref) is None:
            yield f"{ref} points to nothing"


def _reached(document: Node, start: Any) -> set[str]:
    """All that references lead to from there, the components between included."""
    reached: set[str] = set()
    waiting = list(_refs_in(start))
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += _refs_in(_at(document, ref))
    return reached


def _closed_answers(document: Node) -> Iterator[str]:
    """A client ignores what it does not know (protocol, section 1): so must one that is made from the document."""
    if "asyncapi" in document:
        heard = [
            part.get("messages")
            for operation in document["operations"].values()
            for part in (operation if operation["action"] == "send" else {}, operation.get("reply", {}))
        ]
    else:
        heard = [
            operation["responses"]
            for item in document["paths"].values()
            for operation in item.values()
            if isinstance(operation, dict)
        ]
    for ref in sorted(_reached(document, heard)):
        schema = _at(document, ref)
        if ref.startswith("#/components/schemas/") and schema.get("additionalProperties") is False:
            yield f"schema {ref.rpartition('/')[2]} is of an answer and refuses unknown fields"


def _at(document: Node, ref: str) -> Any:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _unused(document: Node) -> Iterator[str]:
    """Components that nothing leads to, except from themselves."""
    components = document.get("components", {})
    reached = _reached(document, {name: part for name, part in document.items() if name != "components"})
    secured = {name for need in _security_in(document) for name in need}
    for kind, parts in components.items():
        for name in parts:
            used = name in secured if kind == "securitySchemes" else f"#/components/{kind}/{name}" in reached
            if not used:
                yield f"component {kind}/{name} is not used"


def _security_in(document: Node) -> Iterator[Node]:
    yield from document.get("security", ())
    for item in document.get("paths", {}).values():
        for operation in item.values():
            if isinstance(operation, dict):
                yield from operation.get("security", ())
