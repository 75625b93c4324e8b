"""JSON into values, with the path of each wrong field: msgspec alone stops at the first.

The good path is one msgspec call. Only when that fails is the request read again, field by field.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo

from blytz.kit.problems import InvalidRequest
from blytz.kit.text import in_words

T = TypeVar("T", bound=Struct)
U = TypeVar("U", bound=Struct)

MAX_FAULTS: Final = 50
"""Faults in one answer, so that a request full of them does not get a longer answer than it is itself."""
_MAX_NAME_LENGTH: Final = 64
_FLOAT: Final = frozenset(".eE")
_NO_SUCH_VALUE: Final = "Invalid enum value"
_WHERE = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
# Python's float accepts a number of any size, so one that is too large is reported at its field.
_decode_any = msgspec.json.Decoder(float_hook=float).decode

Fault = tuple[str, str]
"""Where, as in `terms.increments[2][1]` ('' is the whole), and why."""
Check = Callable[[Any], Iterable[Fault]]


class Parser(Generic[T]):
    """Reads one kind of request body. Each of `checks` gets the value of the field of its name, once that has the
    right type, and gives further faults, with paths inside the field. Raises `InvalidRequest` with every fault."""

    def __init__(self, kind: type[T], **checks: Check) -> None:
        self.kind = kind
        self._decode = msgspec.json.Decoder(kind).decode
        self._checks = checks

    def __call__(self, raw: bytes) -> T:
        try:
            value = self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise refused(self._faults(raw) or [_fault_of(error)]) from None
        if self._checks and (faults := list(self._check(msgspec.structs.asdict(value)))):
            raise refused(faults)
        return value

    def _faults(self, raw: bytes) -> list[Fault]:
        try:
            value = _decode_any(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [("", "is not JSON")]
        faults = list(_faults_in(value, self.kind))
        if not isinstance(value, dict):
            return faults
        valid: dict[str, Any] = {}
        for field in msgspec.structs.fields(self.kind):
            if field.name in self._checks and field.encode_name in value:
                try:
                    valid[field.name] = msgspec.convert(value[field.encode_name], field.type)
                except msgspec.ValidationError:
                    continue
        return faults + list(self._check(valid))

    def _check(self, valid: Mapping[str, Any]) -> Iterator[Fault]:
        for name, check in self._checks.items():
            if name in valid:
                yield from ((f"{name}.{path}" if path else name, why) for path, why in check(valid[name]))


class Choice(Generic[T, U]):
    """Reads bodies of two kinds: by `one` those that `is_one` picks, all others by `other`. `is_one` gets any
    bytes, and must not raise."""

    def __init__(self, is_one: Callable[[bytes], bool], one: Parser[T], other: Parser[U]) -> None:
        self._is_one = is_one
        self._one = one
        self._other = other

    def __call__(self, raw: bytes) -> T | U:
        return self._one(raw) if self._is_one(raw) else self._other(raw)


def refuse_parameters(query: bytes, known: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Raises `InvalidRequest` for a query with a parameter that is not `known` (by name, with its type), because
    `statu=open` would otherwise return everything, or with an integer written as `1.0` or `1e1`,
    which a body refuses too. Other faults are only reported together with these."""
    sent = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    faults = {name[:_MAX_NAME_LENGTH]: "is not a known parameter" for name, _ in sent if name not in known}
    for name, text in sent:
        if name in known and _stripped(known[name]) is int and not _FLOAT.isdisjoint(text):
            faults[name] = "must be written in digits alone"
    if not faults:
        return
    for name, text in sent:
        if name in known and name not in faults:
            try:
                msgspec.convert(text, known[name], strict=False)
            except msgspec.ValidationError as error:
                faults[name] = why_wrong(name, known[name], _fault_of(error)[1])
    raise refused(list(faults.items()))


def why_wrong(name: str, expected: Any, why: str) -> str:
    """What a client is told of the parameter `name`, by what msgspec says of its value."""
    return "is not a cursor of this list" if name == "cursor" else _with_values(expected, why)


def _with_values(expected: Any, why: str) -> str:
    """msgspec says that a value is none of those that there are, but not which these are."""
    values = _values_of(expected) if why.startswith(_NO_SUCH_VALUE) else []
    return f"must be one of: {', '.join(values)}" if values else why


def _values_of(expected: Any) -> list[str]:
    """Those of an enum or a `Literal`; none of other types."""
    if get_origin(expected) is Annotated:
        kind, *marks = get_args(expected)
        known = next((mark.extra for mark in marks if isinstance(mark, msgspec.Meta) and mark.extra), {})
        return list(known.get("values", ())) or _values_of(kind)
    if get_origin(expected) is Literal:
        return [str(value) for value in get_args(expected)]
    if get_origin(expected) in (Union, UnionType):
        return [value for part in get_args(expected) for value in _values_of(part)]
    if isinstance(expected, type) and issubclass(expected, Enum):
        return [str(one.value) for one in expected]
    return []


def refused(faults: list[Fault]) -> InvalidRequest:
    """One problem for all of them, in the order in which they were found."""
    errors = [{"path": path, "detail": why} for path, why in faults[:MAX_FAULTS]]
    named = "; ".join(f"{path or 'the body'}: {why}" for path, why in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return InvalidRequest(named + more, errors=errors)


def _fault_of(error: Exception) -> Fault:
    """What msgspec says, split into where and why."""
    text = in_words(str(error))
    found = _WHERE.search(text)
    if not found:
        return "", text
    return found["path"].removeprefix("."), text[: found.start()]


def _faults_in(value: Any, expected: Any, path: str = "") -> Iterator[Fault]:
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        inner = list(_faults_inside(value, _stripped(expected), path))
        where, why = _fault_of(error)
        yield from inner or [(_joined(path, where), why if where else _with_values(expected, why))]


def _faults_inside(value: Any, expected: Any, path: str) -> Iterator[Fault]:
    """The faults of the parts; none when only the whole is wrong, or its parts cannot be separated."""
    if isinstance(value, dict) and isinstance(expected, type) and issubclass(expected, Struct):
        yield from _faults_in_object(value, expected, path)
    elif isinstance(value, list) and get_origin(expected) in (list, tuple):
        parts = get_args(expected)
        if get_origin(expected) is list or parts[-1] is ...:
            parts = (parts[0],) * len(value)
        if len(parts) == len(value):
            for index, (item, part) in enumerate(zip(value, parts, strict=True)):
                yield from _faults_in(item, part, f"{path}[{index}]")


def _faults_in_object(value: dict[str, Any], expected: type[Struct], path: str) -> Iterator[Fault]:
    fields: dict[str, FieldInfo] = {field.encode_name: field for field in msgspec.structs.fields(expected)}
    for name, field in fields.items():
        if name in value:
            yield from _faults_in(value[name], field.type, _joined(path, name))
        elif field.required:
            yield _joined(path, name), "is missing"
    if expected.__struct_config__.forbid_unknown_fields:
        known = {*fields, expected.__struct_config__.tag_field}
        unknown = (name for name in value if name not in known)
        yield from ((_joined(path, name[:_MAX_NAME_LENGTH]), "is not a known field") for name in unknown)


def _stripped(expected: Any) -> Any:
    """The type X of `Annotated[X, ...]`, of `X | None` and of `X | UnsetType`."""
    while get_origin(expected) is Annotated:
        expected = get_args(expected)[0]
    if get_origin(expected) in (Union, UnionType):
        others = [part for part in get_args(expected) if part not in (type(None), msgspec.UnsetType)]
        return _stripped(others[0]) if len(others) == 1 else expected
    return expected


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name and not name.startswith("[") else path + name
