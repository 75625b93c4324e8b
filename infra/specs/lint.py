"""Blytz's rules for the documents of `specs/`, beyond what their standards require.

An OpenAPI document is also validated against the official meta-schema of 3.1, every message schema of the AsyncAPI
document against JSON Schema draft 07. `infra/specs/official` validates the whole AsyncAPI document.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

PROBLEM: Final = "application/problem+json"
NOT_A_PROBLEM: Final = {("ready", "503")}
"""The body of `/ready` has one form; only the status depends on whether all is well."""
METHODS: Final = ("get", "put", "post", "delete", "patch")
_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")
_OPERATION_ID = re.compile(r"[a-z][A-Za-z0-9]*")

Node = dict[str, Any]


def findings(document: Node) -> Iterator[str]:
    """One sentence for each fault."""
    dangling = list(_dangling(document))
    if dangling:
        # The other rules follow references.
        yield from dangling
        return
    if "asyncapi" in document:
        yield from _asyncapi(document)
    else:
        yield from _openapi(document)
    yield from _closed_answers(document)
    for pattern in sorted({*_texts_in(document, "pattern")}):
        if _LOOKS_AROUND.search(pattern):
            yield f"the pattern {pattern} looks around; RE2, the engine of Go and others, does not support that"
    yield from _unused(document)


def _openapi(document: Node) -> Iterator[str]:
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        yield f"OpenAPI 3.1: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
    for where, operation in _operations(document):
        yield from (f"{where}: {fault}" for fault in _operation(document, operation))


def _operations(document: Node) -> Iterator[tuple[str, Node]]:
    """Each operation of an OpenAPI document, with the name for messages."""
    for path, item in document.get("paths", {}).items():
        yield from ((f"{method.upper()} {path}", item[method]) for method in METHODS if method in item)


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
    """Content without an example, and examples that do not match their schema."""
    for kind, media in place.get("content", {}).items():
        if kind.startswith("image/"):
            # A document of text shows no bytes.
            continue
        if not media.get("examples"):
            yield f"{kind} has no example; examples of accepted calls are in the service's http/examples.py"
        if kind.startswith("text/"):
            continue
        check = jsonschema_rs.Draft202012Validator(media["schema"] | {"components": document["components"]})
        for name, example in media.get("examples", {}).items():
            yield from (
                f"example {name!r}{_place(error)}: {error.message}"
                for error in check.iter_errors(example["value"])
            )


def _asyncapi(document: Node) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    draft_07 = {"$schema": "http://json-schema.org/draft-07/schema#"}
    unsound = [name for name, schema in schemas.items() if not jsonschema_rs.meta.is_valid(draft_07 | schema)]
    if unsound:
        yield from (f"schema {name} is not JSON Schema draft 07" for name in unsound)
        return
    for name, message in document["components"]["messages"].items():
        check = jsonschema_rs.Draft7Validator(message["payload"] | {"components": document["components"]})
        if not message.get("examples"):
            yield f"message {name} has no example"
        for number, example in enumerate(message.get("examples", []), 1):
            for error in check.iter_errors(example["payload"]):
                yield f"message {name}, example {number}{_place(error)}: {error.message}"
    used = set(_refs_in(document["operations"]))
    for name, channel in document["channels"].items():
        for message in channel["messages"]:
            if f"#/channels/{name}/messages/{message}" not in used:
                yield f"message {message} is in no operation"


def _place(error: Any) -> str:
    return "".join(f" / {part}" for part in error.instance_path)


def _texts_in(node: Any, key: str) -> Iterator[str]:
    """Every text that stands under `key`, at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get(key), str):
            yield node[key]
        for part in node.values():
            yield from _texts_in(part, key)
    elif isinstance(node, list):
        for part in node:
            yield from _texts_in(part, key)


def _refs_in(node: Any) -> Iterator[str]:
    return _texts_in(node, "$ref")


def _dangling(document: Node) -> Iterator[str]:
    for ref in sorted(set(_refs_in(document))):
        if _at(document, ref) is None:
            yield f"{ref} points to nothing"


def _reached(document: Node, start: Any) -> set[str]:
    """Every reference that can be reached from `start`, directly or through components."""
    reached: set[str] = set()
    waiting = list(_refs_in(start))
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += _refs_in(_at(document, ref))
    return reached


def _closed_answers(document: Node) -> Iterator[str]:
    """A client ignores unknown fields (protocol, section 1), so a client generated from the document must, too."""
    if "asyncapi" in document:
        answers = [
            part.get("messages")
            for operation in document["operations"].values()
            for part in (operation if operation["action"] == "send" else {}, operation.get("reply", {}))
        ]
    else:
        answers = [operation["responses"] for _, operation in _operations(document)]
    for ref in sorted(_reached(document, answers)):
        schema = _at(document, ref)
        if ref.startswith("#/components/schemas/") and schema.get("additionalProperties") is False:
            yield f"schema {ref.rpartition('/')[2]} belongs to an answer and refuses unknown fields"


def _at(document: Node, ref: str) -> Any:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _unused(document: Node) -> Iterator[str]:
    """Components that nothing outside `components` refers to."""
    components = document.get("components", {})
    reached = _reached(document, {name: part for name, part in document.items() if name != "components"})
    places = (document, *(operation for _, operation in _operations(document)))
    secured = {name for place in places for need in place.get("security", ()) for name in need}
    for kind, parts in components.items():
        for name in parts:
            used = name in secured if kind == "securitySchemes" else f"#/components/{kind}/{name}" in reached
            if not used:
                yield f"component {kind}/{name} is not used"
