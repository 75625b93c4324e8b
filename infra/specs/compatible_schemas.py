"""What in a new schema breaks those of the old one: they send what it allowed and read what it promised."""

from collections.abc import Iterator
from typing import Any, Literal

Side = Literal["request", "answer"]
Schema = dict[str, Any]

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
OTHER_DEMANDS = (
    "multipleOf",
    "uniqueItems",
    "format",
    "not",
    "contains",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "contentEncoding",
    "contentMediaType",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Words of JSON Schema that may refuse what was taken before; whether they do is not looked into."""


class Schemas:
    """Those of an old document against those of a new one."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str, Side]] = set()

    def breaks(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            pair = (f"{where} {old['$ref']}", new["$ref"], side)
            if pair in self._seen or len(where) > 400:
                return
            self._seen.add(pair)
        if side == "request" and "default" in old and old["default"] != new.get("default"):
            now_is = repr(new["default"]) if "default" in new else "nothing"
            yield f"{where}: the default changed from {old['default']!r} to {now_is}"
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
                yield from self.breaks(f"{where}[]", old[part], new[part], side)
        for part in ("prefixItems", "items"):
            if isinstance(old.get(part), list) and isinstance(new.get(part), list):
                for index, (was, now) in enumerate(zip(old[part], new[part], strict=False)):
                    yield from self.breaks(f"{where}[{index}]", was, now, side)

    def _fields(self, where: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        required_before, required_after = set(old.get("required", [])), set(new.get("required", []))
        for name, field in before.items():
            if name not in after:
                yield f"{where}: field {name} was removed"
            else:
                yield from self.breaks(f"{where}.{name}", field, after[name], side)
        if side == "request":
            for name in sorted(required_after - required_before):
                yield f"{where}: field {name} is newly required"
        else:
            for name in sorted((required_before - required_after) & after.keys()):
                yield f"{where}: field {name} is no longer always there"


def found_at(document: dict[str, Any], ref: str) -> Schema | None:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found_at(document, found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


def _alternatives(document: dict[str, Any], schema: Schema) -> dict[str, Schema]:
    """By type. Empty where anything goes."""
    if "$ref" in schema:
        return _alternatives(document, found_at(document, schema["$ref"]) or {})
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
    for word in OTHER_DEMANDS:
        if new.get(word) not in (None, False) and new[word] != old.get(word):
            yield f"{where}: {word} is newly asked for"
    if "pattern" in new and _in_ecma_262(new["pattern"]) != _in_ecma_262(old.get("pattern", "")):
        yield f"{where}: the pattern changed"
    if new.get("additionalProperties") is False and old.get("additionalProperties", True) is not False:
        yield f"{where}: unknown fields are newly refused"


def _in_ecma_262(pattern: str) -> str:
    # There nothing can come behind `$`; the contracts of 0.1.0 said so twice.
    return pattern.replace(r"$(?!\n)", "$")
