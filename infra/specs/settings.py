"""`specs/settings.md`, made from `blytz.kit.config`."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from blytz.kit.config.environment import OTHER_VARIABLES
from blytz.kit.config.fields import bare, bounds, is_secret
from blytz.kit.config.gateway import GatewaySettings, gateway_variable
from blytz.kit.config.model import Settings, variable

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


def descriptions(settings: type[msgspec.Struct]) -> dict[str, str]:
    """For each field, the string below it in the class. Raises SystemExit when a field has none."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, below in pairwise(definition.body):
        match statement, below:
            case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                found[field] = " ".join(text.split())
    if missing := [field for field in settings.__struct_fields__ if field not in found]:
        sys.exit(f"{settings.__name__}: these fields need a description below them: {', '.join(missing)}")
    return found


def kind(field_type: Any) -> str:
    """Describes a type with its bounds."""
    base = bare(field_type)
    if is_secret(field_type):
        return "text, secret"
    if get_origin(base) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(base))
    names = {int: "integer", float: "number", str: "text", Path: "path", bool: "`true`, `false`"}
    name = names.get(base, "list" if get_origin(base) is tuple else str(base))
    if (between := bounds(field_type)) is None:
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


def rows(settings: type[msgspec.Struct], name_of: Callable[[str], str]) -> str:
    texts = descriptions(settings)
    return COLUMNS + "".join(
        f"| `{name_of(field.name)}` | {kind(field.type)} | {default(field.default)} | {texts[field.name]} |\n"
        for field in msgspec.structs.fields(settings)
    )


def table() -> str:
    others = "".join(
        f"| `{each.name}` | {each.read_by} | {each.meaning}{' Or `_FILE`.' if each.from_file else ''} |\n"
        for each in OTHER_VARIABLES
    )
    return HEAD + rows(Settings, variable) + GATEWAY + rows(GatewaySettings, gateway_variable) + OTHERS + others
