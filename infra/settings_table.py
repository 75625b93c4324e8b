"""Writes `specs/settings.md` from `kit/settings.py`; with `--check` only says whether the two agree (exit 1)."""

import ast
import difflib
import inspect
import sys
import textwrap
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from blytz.kit import settings
from blytz.kit.settings import Settings, is_secret, variable

TARGET = Path(__file__).parents[1] / "specs" / "settings.md"
HEAD = """# Settings

Made from [kit/settings.py](../services/blytz/kit/settings.py) by `make specs`; do not edit.

Every process reads these once, at its start, from its environment. Each may be given as a file instead:
`BLYTZ_DATA_FILE` names one that holds the value of `BLYTZ_DATA`, as container platforms hand out secrets; setting
both is refused. Lists are separated by commas. A process that cannot use its settings says all that is wrong with
them, one line each, and ends with exit code 1. `blytz doctor` looks at them too.

Production (`BLYTZ_ENV=production`, the default) refuses what only a developer's machine may do: Redis in plain
text on another host, passwords that are missing, short or well known, origins with a wildcard, an emulator of an
identity provider.

| variable | value | default | meaning |
|---|---|---|---|
"""


def documents() -> dict[str, str]:
    """Field: the string that stands below it in the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(settings.Settings)))
    [house] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found: dict[str, str] = {}
    for field, below in zip(house.body, [*house.body[1:], ast.Pass()], strict=True):
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
    if is_secret(of):
        return "text, secret"
    if get_origin(of) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(of))
    base, *metas = get_args(of) if hasattr(of, "__metadata__") else (of,)
    names = {int: "integer", float: "number", str: "text", Path: "path", bool: "`true`, `false`"}
    name = names.get(base, "list" if get_origin(base) is tuple else str(base))
    bounds = [
        f"{low:g} to {high:g}" if high < 1_000_000 else f"{low} to {high:_}"
        for meta in metas
        if (low := meta.ge) is not None and (high := meta.le) is not None
    ]
    return f"{name}, {bounds[0]}" if bounds else name


def default(value: Any) -> str:
    if value in {(), ""}:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def table() -> str:
    """Raises SystemExit when a field has no text."""
    texts = documents()
    silent = [name for name, text in texts.items() if not text]
    if silent:
        sys.exit(f"kit/settings.py: say below each field what it means: {', '.join(silent)}")
    rows = [
        f"| `{variable(field.name)}` | {kind(field.type)} | {default(field.default)} | {texts[field.name]} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return HEAD + "\n".join(rows) + "\n"


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
