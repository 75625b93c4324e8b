"""Writes `specs/settings.md` from `blytz.kit.config`; with `--check` it only compares (exit 1 when they
differ)."""

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

Every process reads these once, at its start, from its environment. Each may come from a file instead:
`BLYTZ_DATA_FILE` names a file that holds the value of `BLYTZ_DATA`, as container platforms provide secrets;
setting both is refused. Lists are separated by commas; space around a value is ignored. A process that cannot use
its settings reports all faults, one line each, and ends with exit code 1. An unknown variable with one of our
prefixes is reported as a warning, because it is most often misspelt. `blytz doctor` checks all of them too.

Production (`BLYTZ_ENV=production`, the default) refuses what only a developer's machine may do: Redis in plain
text on another host; a password of Redis that is missing, well known or shorter than 16 characters (a `unix://`
socket needs none, because file permissions protect it); origins with a wildcard; an emulator of an identity
provider; and, for the services that users sign in to, no issuer of tokens.

## The services: `blytz serve`, `blytz up`

"""
GATEWAY = """
## The gateway: `blytz gateway`, `blytz up`

How to run it on a domain: [infra/nginx](../infra/nginx/README.md). `blytz up` sets hosts, ports, domains and the
two services itself. `blytz gateway` also reads `BLYTZ_DATA`.

"""
OTHERS = """
## Commands, scripts and other programs

These do not configure a process of the platform. Those marked "Or `_FILE`" may come from a file.

| variable | read by | meaning |
|---|---|---|
"""
COLUMNS = "| variable | value | default | meaning |\n|---|---|---|---|\n"


def documents(settings: type[msgspec.Struct]) -> dict[str, str]:
    """For each field, the string below it in the class."""
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
    """Describes a type with its bounds."""
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
    """Raises SystemExit when a field has no description."""
    texts = documents(definition)
    silent = [name for name, text in texts.items() if not text]
    if silent:
        sys.exit(f"{definition.__name__}: these fields need a description below them: {', '.join(silent)}")
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
        sys.exit("\n".join([*lines, "specs/settings.md differs from the code: run `make specs`"]))


if __name__ == "__main__":
    main()
