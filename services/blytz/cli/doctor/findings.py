"""What the doctor says about one thing."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "note", "warn", "fail"]
"""`note` is for what cannot be seen from here, and is nobody's fault."""


class Finding(Struct, frozen=True):
    """`why` is what was found, `remedy` what to do about it; empty when all is well."""

    name: str
    state: State
    why: str
    remedy: str = ""


def judge(name: str, why: str, *, warn: bool = False, fail: bool = False, remedy: str = "") -> Finding:
    """The worst that holds."""
    state: State = "fail" if fail else "warn" if warn else "ok"
    return Finding(name, state, why, "" if state == "ok" else remedy)
