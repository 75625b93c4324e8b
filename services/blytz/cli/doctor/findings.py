"""The result of one check of `blytz doctor`."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "note", "warn", "fail"]
"""`note`: cannot be checked from here, and need not be a fault."""


class Finding(Struct, frozen=True):
    """`why` is what was found, `remedy` what to do about it, empty when the state is `ok`."""

    name: str
    state: State
    why: str
    remedy: str = ""


def judge(name: str, why: str, *, warn: bool = False, fail: bool = False, remedy: str = "") -> Finding:
    """The worst state that applies."""
    state: State = "fail" if fail else "warn" if warn else "ok"
    return Finding(name, state, why, "" if state == "ok" else remedy)
