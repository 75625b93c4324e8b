"""Reads a setting from its variable, or from the file that `<VARIABLE>_FILE` names, into a typed value. Reports
every fault, and never repeats a secret."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

FROM_FILE: Final = "_FILE"
MAX_FILE_BYTES: Final = 65_536
MAX_SHOWN: Final = 60
MAX_PATH_SHOWN: Final = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_UTF_8 = re.compile(r"[\ud800-\udfff]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")

Texts = tuple[str, ...]
"""Separated by commas."""
TextsOrNone = Annotated[tuple[str, ...], Meta(extra={"may_be_empty": True})]
"""A list that may be set to empty, although that is not its default."""
Secret = Annotated[str, Meta(extra={"secret": True})]
"""Never repeated in a message; production refuses one that is short or well known."""
Port = Annotated[int, Meta(ge=1, le=65_535)]

Check = Callable[[Any], str | None]
"""Describes what is wrong with a value (of a list: with one of its items), or gives None."""


def matches(pattern: re.Pattern[str], fault: str) -> Check:
    return lambda text: None if pattern.fullmatch(text) else fault


class SettingsFault(Exception):
    """The environment cannot be used; the message has one line for each fault."""


class Read(Struct, frozen=True):
    """`values` by field, of those that are set and valid; `faults`, one line each; `broken` are the fields that
    have a fault."""

    values: dict[str, Any]
    faults: list[str]
    broken: frozenset[str]


class _Wrong(Exception):
    """A fault, without the name of the variable."""


def read_fields(
    kind: type[Struct], environ: Mapping[str, str], variable: Callable[[str], str], checks: Mapping[str, Check]
) -> Read:
    """Every field of `kind` that the environment sets."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for field in msgspec.structs.fields(kind):
        name = variable(field.name)
        try:
            text = _text(environ, name)
            if text is None:
                continue
            value = _value(text, field)
            found: list[str] = []
            if check := checks.get(field.name):
                value, found = _checked(value, check, named=name + FROM_FILE not in environ)
            # The valid items of a list are kept, because production may refuse them, which is reported as well.
            if not found or value:
                values[field.name] = value
            if found:
                raise _Wrong("; ".join(found))
        except _Wrong as wrong:
            faults[field.name] = f"{_where(environ, name, secret=is_secret(field.type))}{wrong}"
    return Read(values, list(faults.values()), frozenset(faults))


def one_text(environ: Mapping[str, str], name: str) -> str | None:
    """The value of one variable, without space around it; None when neither it nor its file is set. Raises
    `SettingsFault`, which does not contain the value."""
    try:
        return _text(environ, name)
    except _Wrong as wrong:
        raise SettingsFault(f"{_where(environ, name, secret=True)}{wrong}") from None


def _where(environ: Mapping[str, str], name: str, *, secret: bool) -> str:
    """The start of a message. The content of a file is never shown: it may be the wrong file, with a key in it."""
    if name in environ:
        return f"{name}: " if secret or name + FROM_FILE in environ else f"{name}={shown(environ[name])}: "
    return f"{name}{FROM_FILE}={shown(environ[name + FROM_FILE], MAX_PATH_SHOWN)}: "


def _text(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(name + FROM_FILE)
    if path is not None and name in environ:
        raise _Wrong(f"{name}{FROM_FILE} is set as well; keep one")
    text = environ.get(name) if path is None else _content(path)
    if text is None:
        return None
    text = text.strip()
    if _CONTROL.search(text):
        raise _Wrong("contains a line break or another control character, and must be one line of text")
    return text


def _content(path: str) -> str:
    if not path:
        raise _Wrong("is empty; name the file that holds the value, or unset it")
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _Wrong(error.strerror or str(error)) from None
    if len(content) > MAX_FILE_BYTES:
        raise _Wrong(f"longer than {MAX_FILE_BYTES} bytes")
    try:
        # Some editors write a byte order mark first, which does not belong to a password.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Wrong("is not text") from None


def _value(text: str, field: msgspec.structs.FieldInfo) -> Any:
    kind, base = field.type, bare(field.type)
    if not text and field.default not in {"", (), None} and not _extra(kind, "may_be_empty"):
        raise _Wrong(f"is empty; unset it, or set {words(kind)}")
    if get_origin(base) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if base is Path:
        return _path(text) if text else None
    if _NOT_UTF_8.search(text):
        raise _Wrong("is not text in UTF-8")
    try:
        if base is int and not _INTEGER.fullmatch(text):
            raise msgspec.ValidationError
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        raise _Wrong(f"must be {words(kind)}") from None


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise _Wrong("names a user that this machine does not have") from None


def _checked(value: Any, check: Check, *, named: bool) -> tuple[Any, list[str]]:
    """The value, of a list only the valid items; and the faults. `named` says that an item may be shown."""
    if value in {"", None}:
        return value, []
    if not isinstance(value, tuple):
        fault = check(value)
        return (None, [fault]) if fault else (value, [])
    faults_of = {item: check(item) for item in value}
    faults = [f"{shown(item) if named else 'an item'} {fault}" for item, fault in faults_of.items() if fault]
    return tuple(item for item in value if not faults_of[item]), faults


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """Quoted and cut, for a message."""
    return repr(text) if len(text) <= limit else repr(text[:limit]) + "..."


def bare(kind: Any) -> Any:
    """The type without its bounds and without `| None`."""
    base = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    if isinstance(base, UnionType):
        [base] = [each for each in get_args(base) if each is not NoneType]
    return base


def is_secret(kind: Any) -> bool:
    return _extra(kind, "secret")


def bounds(kind: Any) -> tuple[Any, Any] | None:
    """The least and the greatest value of a number."""
    return next(
        ((meta.ge, meta.le) for meta in _metas(kind) if meta.ge is not None and meta.le is not None),
        None,
    )


def words(kind: Any) -> str:
    """Describes the valid values of a type, for a message."""
    base = bare(kind)
    if get_origin(base) is Literal:
        return "one of " + ", ".join(get_args(base))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}
    name = names.get(base, "a list, separated by commas")
    between = bounds(kind)
    return f"{name} from {between[0]:g} to {between[1]}" if between else name


def _metas(kind: Any) -> list[Meta]:
    return [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta)]


def _extra(kind: Any, key: str) -> bool:
    return any(bool(meta.extra and meta.extra.get(key)) for meta in _metas(kind))


T = TypeVar("T")
U = TypeVar("U")


def both(first: Callable[[], T], second: Callable[[], U]) -> tuple[T, U]:
    """Read two sets of settings. Raises one `SettingsFault` with the faults of both."""
    faults: list[str] = []
    read: list[Any] = []
    for each in (first, second):
        try:
            read.append(each())
        except SettingsFault as fault:
            faults += str(fault).split("\n")
    if faults:
        raise SettingsFault("\n".join(dict.fromkeys(faults)))
    return read[0], read[1]
