"""Reads the Lua scripts that are packaged beside the code which calls them."""

from importlib.resources import files

from blytz.kit.redis.pipe import Script


def source(package: str, name: str) -> str:
    """The text of `lua/<name>.lua` in this package."""
    return (files(package) / "lua" / f"{name}.lua").read_text()


def numbers() -> str:
    """The library in front of all scripts that read numbers of a state."""
    return source(__package__, "numbers")


def load_script(package: str, name: str) -> Script:
    return Script(source(package, name))
