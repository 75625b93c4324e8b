"""What in a new document breaks clients of the old one.

A client sends what the old document allowed and reads what it promised. So in a request nothing may be asked that
was not asked before, and in an answer nothing may be missing that was there. A removed enum value counts on both
sides: a client may be waiting for it. Fields, operations and values may be added freely: clients ignore what
they do not know.
"""

from collections.abc import Iterator
from typing import Any, Literal

Side = Literal["request", "answer"]
Schema = dict[str, Any]

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
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
        self._seen: set[tuple[str, str, Side]] = set()

    def openapi(self) -> Iterator[str]:
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

    def _parameters(self, name: str, old: list[Schema], new: list[Schema]) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old}
        after = {(one["in"], one["name"]): one for one in new}
        for key, one in before.items():
            if key not in after:
                yield f"{name}: parameter {key[1]} was removed"
            else:
                yield from self._schema(f"{name}: {key[1]}", one["schema"], after[key]["schema"], "request")
        for key, one in after.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} is newly required"

    def _content(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        for media, old_media in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{where}: {media} was removed"
            else:
                new_media = new["content"][media]
                yield from self._schema(where, old_media.get("schema", {}), new_media.get("schema", {}), side)

    def asyncapi(self) -> Iterator[str]:
        for name, old_channel in self._old["channels"].items():
            new_channel = self._new["channels"].get(name)
            if new_channel is None or new_channel["address"] != old_channel["address"]:
                yield f"channel {name} was removed"
                continue
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
            was, now = _found(self._old, ref), _found(self._new, ref)
            if was and now:
                yield from self._schema(f"message {was['name']}", was["payload"], now["payload"], side)

    def _schema(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            pair = (f"{where} {old['$ref']}", new["$ref"], side)
            if pair in self._seen or len(where) > 400:
                return
            self._seen.add(pair)
        was = _alternatives(self._old, old)
        now = _alternatives(self._new, new)
        # Every integer is a number.
        wider, narrower = (now, was) if side == "request" else (was, now)
        if "number" in wider and "integer" in narrower:
            narrower["number"] = narrower.pop("integer")
        if was and now:
            # A wanted type may be joined by others, a given one may not.
            lost = was.keys() - now.keys() if side == "request" else now.keys() - was.keys()
            if lost or not was.keys() & now.keys():
                yield f"{where}: the type changed from {_named(was)} to {_named(now)}"
                return
        elif bool(was) != bool(now) and (now if side == "request" else was):
            yield f"{where}: the type changed from {_named(was)} to {_named(now)}"
            return
        for kind in was.keys() & now.keys():
            yield from self._one(where, was[kind], now[kind], side)

    def _one(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        yield from _values(where, old, new, side)
        if side == "request":
            yield from _bounds(where, old, new)
        yield from self._fields(where, old, new, side)
        for part in ("items", "additionalProperties", "additionalItems"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                yield from self._schema(f"{where}[]", old[part], new[part], side)
        for part in ("prefixItems", "items"):
            if isinstance(old.get(part), list) and isinstance(new.get(part), list):
                for index, (was, now) in enumerate(zip(old[part], new[part], strict=False)):
                    yield from self._schema(f"{where}[{index}]", was, now, side)

    def _fields(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        required_before, required_after = set(old.get("required", [])), set(new.get("required", []))
        for name, field in before.items():
            if name not in after:
                yield f"{where}: field {name} was removed"
            else:
                yield from self._schema(f"{where}.{name}", field, after[name], side)
        if side == "request":
            for name in sorted(required_after - required_before):
                yield f"{where}: field {name} is newly required"
        else:
            for name in sorted((required_before - required_after) & after.keys()):
                yield f"{where}: field {name} is no longer always there"


def _found(document: dict[str, Any], ref: str) -> Schema | None:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return _found(document, found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


def _alternatives(document: dict[str, Any], schema: Schema) -> dict[str, Schema]:
    """By type. Empty where anything goes."""
    if "$ref" in schema:
        return _alternatives(document, _found(document, schema["$ref"]) or {})
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            joined: dict[str, Schema] = {}
            for part in schema[word]:
                for kind, one in _alternatives(document, part).items():
                    joined[kind] = joined.get(kind, {}) | one
            return joined
    kinds = schema.get("type", [])
    if not kinds and ("enum" in schema or "const" in schema):
        kinds = sorted({_type_of(value) for value in schema.get("enum", [schema.get("const")])})
    return dict.fromkeys([kinds] if isinstance(kinds, str) else kinds, schema)


def _type_of(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _named(kinds: dict[str, Schema]) -> str:
    return " or ".join(sorted(kinds)) or "anything"


def _values(where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
    before, after = (schema.get("enum", [schema["const"]] if "const" in schema else None) for schema in (old, new))
    if before is None and after is not None and side == "request":
        yield f"{where}: only certain values are left"
    elif before is not None and after is not None:
        for value in before:
            if value not in after and value is not None:
                yield f"{where}: value {value!r} was removed"


def _bounds(where: str, old: Schema, new: Schema) -> Iterator[str]:
    for word in (*LOWER, *UPPER):
        if word not in new:
            continue
        narrower = word not in old or (new[word] > old[word] if word in LOWER else new[word] < old[word])
        if narrower:
            yield f"{where}: {word} was narrowed from {old.get(word, 'none')} to {new[word]}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{where}: the pattern changed"
    if new.get("additionalProperties") is False and old.get("additionalProperties", True) is not False:
        yield f"{where}: unknown fields are newly refused"
