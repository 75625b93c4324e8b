"""Writes `specs/settings.md` from `blytz.kit.config`; `--check` only says whether the two agree (exit 1)."""

import ast
import difflib
import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from blytz.kit.config.environment import OTHER_VARIABLES
from blytz.kit.config.fields import bare, bounds, is_secret
from blytz.kit.config.gateway import GatewaySettings, gateway_variable
from blytz.kit.config.model import Settings, variable

TARGET = Path(__file__).parents[1] / "specs" / "settings.md"
HEAD = """# Settings

Made by `make specs` from [services/blytz/kit/config](../services/blytz/kit/config); do not edit.
`blytz up` needs none of them.

Every process reads these once, at its start, from its environment. Each may be given as a file instead:
`BLYTZ_DATA_FILE` names one that holds the value of `BLYTZ_DATA`, as container platforms hand out secrets; setting
both is refused. Lists are separated by commas; space around a value does not count. A process that cannot use its
settings says all that is wrong with them, one line each, and ends with exit code 1. A variable that nobody reads
is most often misspelt, and warned of. `blytz doctor` looks at all of them too.

Production (`BLYTZ_ENV=production`, the default) refuses what only a developer's machine may do: Redis in plain
text on another host; a password of Redis that is missing, well known or shorter than 16 characters (a `unix://`
socket needs none, the rights of its file guard it); origins with a wildcard; an emulator of an identity provider;
and, for the services that people sign in to, no issuer of tokens at all.

## The services: `blytz serve`, `blytz up`

"""
GATEWAY = """
## The gateway: `blytz gateway`, `blytz up`

How to put it on a domain: [infra/nginx](../infra/nginx/README.md). `blytz up` chooses hosts, ports, domains and
the two services itself. `blytz gateway` reads `BLYTZ_DATA` besides these.

"""
OTHERS = """
## Commands, scripts and other programs

No process of the platform is configured by these. `_FILE` may stand behind those that say so.

| variable | read by | meaning |
|---|---|---|
"""
COLUMNS = "| variable | value | default | meaning |\n|---|---|---|---|\n"


def documents(settings: type[msgspec.Struct]) -> dict[str, str]:
    """Field: the string that stands below it in the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(settings)))
    [definition] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found: dict[str, str] = {}
    for field, below in zip(definition.body, [*definition.body[1:], ast.Pass()], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = below.value.value if _is_text(below) else ""  # type: ignore[attr-defined]
            found[field.target.id] = " ".join(str(text).split())
    return found


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


def kind(of: Any) -> str:
    """In words, with its bounds."""
    base = bare(of)
    if is_secret(of):
        return "text, secret"
    if get_origin(base) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(base))
    names = {int: "integer", float: "number", str: "text", Path: "path", bool: "`true`, `false`"}
    name = names.get(base, "list" if get_origin(base) is tuple else str(base))
    if (between := bounds(of)) is None:
        return name
    low, high = between
    return f"{name}, {low:g} to {high:g}" if high < 1_000_000 else f"{name}, {low} to {high:_}"


def default(value: Any) -> str:
    if value in {(), "", None}:
        return "none"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def rows(definition: type[msgspec.Struct], name_of: Callable[[str], str]) -> str:
    """Raises SystemExit when a field has no text."""
    texts = documents(definition)
    silent = [name for name, text in texts.items() if not text]
    if silent:
        sys.exit(f"{definition.__name__}: say below each field what it means: {', '.join(silent)}")
    return COLUMNS + "".join(
        f"| `{name_of(field.name)}` | {kind(field.type)} | {default(field.default)} | {texts[field.name]} |\n"
        for field in msgspec.structs.fields(definition)
    )


def table() -> str:
    others = "".join(
        f"| `{each.name}` | {each.of} | {each.meaning}{' Or `_FILE`.' if each.from_file else ''} |\n"
        for each in OTHER_VARIABLES
    )
    return HEAD + rows(Settings, variable) + GATEWAY + rows(GatewaySettings, gateway_variable) + OTHERS + others


def main() -> None:
    wanted = table()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(wanted)
        return
    found = TARGET.read_text() if TARGET.exists() else ""
    if found != wanted:
        lines = difflib.unified_diff(
            found.splitlines(), wanted.splitlines(), "specs/settings.md", "code", lineterm=""
        )
        sys.exit("\n".join([*lines, "specs/settings.md is not what the code says: run `make specs`"]))


if __name__ == "__main__":
    main()
