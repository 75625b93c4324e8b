"""The scripts that decide about one auction, put together from the files in `lua/`."""

from collections.abc import Callable
from typing import Final

from blytz.kit.redis.pipe import Script
from blytz.kit.redis.scripts import source

SCRIPTS: Final = {"open": ("bidding",), "place_bid": ("bidding",), "change": (), "close": ()}
"""Each with the libraries that it needs besides common.lua."""


def load_scripts(edit: Callable[[str], str] = lambda source: source) -> dict[str, Script]:
    """The scripts of one auction by name, each with its libraries in front, and its `#!lua flags=` line, where it
    has one, before that. `edit` lets a test change a source."""
    scripts = {}
    for name, libraries in SCRIPTS.items():
        body = source(__package__, name)
        flags = body[: body.index("\n") + 1] if body.startswith("#!") else ""
        in_front = "".join(source(__package__, library) for library in ("common", *libraries))
        scripts[name] = Script(edit(flags + in_front + body.removeprefix(flags)))
    return scripts
