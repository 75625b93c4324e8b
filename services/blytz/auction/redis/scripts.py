"""The scripts that decide about one auction, put together from the files in `lua/`. Those of offers are put
together here too: they have base.lua in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from blytz.kit.redis.pipe import Script
from blytz.kit.redis.scripts import numbers, source

SCRIPTS: Final = {"open": ("bidding",), "place_bid": ("bidding",), "change": (), "close": ()}
"""Each with the libraries that it needs besides base.lua and common.lua."""


def load_scripts(edit: Callable[[str], str] = lambda source: source) -> dict[str, Script]:
    """The scripts of one auction by name. `edit` lets a test change a source."""
    return put_together(__package__, SCRIPTS, edit)


def put_together(
    package: str, scripts: Mapping[str, Sequence[str]], edit: Callable[[str], str]
) -> dict[str, Script]:
    """The scripts of this package by name, each with numbers.lua, base.lua, common.lua and its libraries in front,
    and its `#!lua flags=` line, where it has one, before that."""
    base, found = numbers() + source(__package__, "base"), {}
    for name, libraries in scripts.items():
        body = source(package, name)
        flags = body[: body.index("\n") + 1] if body.startswith("#!") else ""
        in_front = base + "".join(source(package, library) for library in ("common", *libraries))
        found[name] = Script(edit(flags + in_front + body.removeprefix(flags)))
    return found
