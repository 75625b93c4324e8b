"""What in a new document breaks clients of the old one.

A client sends what the old document allowed and reads what it promised. So in a request nothing may be asked that
was not asked before, and in an answer nothing may be missing that was there. A removed enum value counts on both
sides: a client may be waiting for it. Fields, operations and values may be added freely: clients ignore what
they do not know.
"""

from collections.abc import Iterator
from typing import Any

from infra.specs.compatible_schemas import Schema, Schemas, Side, found_at

PROBLEM = "application/problem+json"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def may_break(released: str, now: str) -> bool:
    """Semantic versioning: before 1.0 a minor version may break clients, after it only a major one."""
    old, new = ([int(part) for part in version.split(".")[:2]] for version in (released, now))
    return new[0] > old[0] or (old[0] == 0 and new[1] > old[1])


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One sentence for each; none for a document that clients of the old one can live with."""
    if not new:
        return ["the whole document was removed"]
    comparison = _Comparison(old, new)
    found = comparison.asyncapi() if "asyncapi" in old else comparison.openapi()
    return list(dict.fromkeys(found))


class _Comparison:
    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old = old
        self._new = new
        self._schemas = Schemas(old, new)

    def openapi(self) -> Iterator[str]:
        yield from _servers("the API", self._old, self._new)
        before, after = (
            document.get("components", {}).get("securitySchemes", {}) for document in (self._old, self._new)
        )
        for name, scheme in before.items():
            if _without_words(scheme) != _without_words(after.get(name, {})):
                yield f"security scheme {name} changed"
        for path, old_item in self._old["paths"].items():
            new_item = self._new["paths"].get(path)
            if new_item is None:
                yield f"path {path} was removed"
                continue
            for method in METHODS:
                if method in old_item and method not in new_item:
                    yield f"operation {method.upper()} {path} was removed"
                elif method in old_item:
                    yield from self._operation(f"{method.upper()} {path}", old_item[method], new_item[method])

    def _operation(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        if "operationId" in old and new.get("operationId") != old["operationId"]:
            # Generated clients name their functions after it.
            yield f"{name}: operationId {old['operationId']} became {new.get('operationId', 'nothing')}"
        yield from _servers(name, old, new)
        yield from self._security(name, old, new)
        yield from self._parameters(name, old.get("parameters", []), new.get("parameters", []))
        old_body, new_body = old.get("requestBody", {}), new.get("requestBody", {})
        if new_body.get("required") and not old_body.get("required"):
            yield f"{name}: a body is newly required"
        yield from self._content(f"{name}: the body", old_body, new_body, "request")
        for status, old_answer in old["responses"].items():
            if status not in new["responses"]:
                yield f"{name}: answer {status} was removed"
            else:
                yield from self._content(f"{name}: {status}", old_answer, new["responses"][status], "answer")

    def _security(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before = old.get("security", self._old.get("security", []))
        after = new.get("security", self._new.get("security", []))
        if not after or {} in after:
            return
        if not before:
            yield f"{name}: a token is newly required"
        yield from (
            f"{name}: {' and '.join(way) or 'no token'} no longer lets in" for way in before if way not in after
        )

    def _parameters(self, name: str, old: list[Schema], new: list[Schema]) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old}
        after = {(one["in"], one["name"]): one for one in new}
        for key, one in before.items():
            if key not in after:
                yield f"{name}: parameter {key[1]} was removed"
            else:
                yield from self._schemas.breaks(
                    f"{name}: {key[1]}", one["schema"], after[key]["schema"], "request"
                )
        for key, one in after.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} is newly required"

    def _content(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        for media, old_media in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{where}: {media} was removed"
            else:
                new_media = new["content"][media]
                if media == PROBLEM:
                    # Each example is one code, and somebody may be waiting for it.
                    gone = old_media.get("examples", {}).keys() - new_media.get("examples", {}).keys()
                    yield from (f"{where}: code {code} was removed" for code in sorted(gone))
                yield from self._schemas.breaks(
                    where, old_media.get("schema", {}), new_media.get("schema", {}), side
                )

    def asyncapi(self) -> Iterator[str]:
        for name, server in self._old.get("servers", {}).items():
            if self._new.get("servers", {}).get(name, {}).get("protocol") != server["protocol"]:
                yield f"server {name} no longer speaks {server['protocol']}"
        for name, old_channel in self._old["channels"].items():
            new_channel = self._new["channels"].get(name)
            if new_channel is None or new_channel["address"] != old_channel["address"]:
                yield f"channel {name} was removed"
                continue
            for protocol, binding in old_channel.get("bindings", {}).items():
                new_binding = new_channel.get("bindings", {}).get(protocol, {})
                if any(new_binding.get(word) != binding[word] for word in binding if word != "bindingVersion"):
                    yield f"channel {name}: its binding to {protocol} changed"
            for part, word in (("messages", "message"), ("x-close-codes", "close code")):
                gone = old_channel.get(part, {}).keys() - new_channel.get(part, {}).keys()
                yield from (f"channel {name}: {word} {one} was removed" for one in sorted(gone))
        for name, old_operation in self._old["operations"].items():
            new_operation = self._new["operations"].get(name)
            if new_operation is None or new_operation["action"] != old_operation["action"]:
                yield f"operation {name} was removed"
                continue
            side: Side = "request" if old_operation["action"] == "receive" else "answer"
            yield from self._messages(name, old_operation, new_operation, side)
            yield from self._messages(
                name, old_operation.get("reply", {}), new_operation.get("reply", {}), "answer"
            )

    def _messages(self, name: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        after = {ref["$ref"] for ref in new.get("messages", [])}
        for ref in (ref["$ref"] for ref in old.get("messages", [])):
            if ref not in after:
                yield f"{name}: message {ref.rsplit('/', 1)[-1]} was removed"
                continue
            was, now = found_at(self._old, ref), found_at(self._new, ref)
            if was and now:
                kinds = [
                    message.get("contentType", document.get("defaultContentType"))
                    for message, document in ((was, self._old), (now, self._new))
                ]
                if kinds[0] != kinds[1]:
                    yield f"message {was['name']}: it is no longer {kinds[0]}"
                yield from self._schemas.breaks(f"message {was['name']}", was["payload"], now["payload"], side)


def _servers(where: str, old: Schema, new: Schema) -> Iterator[str]:
    after = {server["url"] for server in new.get("servers", ())}
    for server in old.get("servers", ()):
        if server["url"] not in after:
            yield f"{where} is no longer at {server['url']}"


def _without_words(scheme: Schema) -> Schema:
    return {word: value for word, value in scheme.items() if word != "description"}
