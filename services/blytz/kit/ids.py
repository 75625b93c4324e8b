"""Identifiers: opaque, time-ordered, with a readable prefix (`auc_`, `ord_`, ...)."""

import math
import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in ascending order, so that ids sort by time as plain text."""
_TIME_DIGITS, _RANDOM_DIGITS = 10, 16


def new_id(prefix: str) -> str:
    """`auc_01kabcdefg…`: 10 digits of milliseconds, 16 random ones; unguessable, and unique without
    coordination."""
    now_ms = time.time_ns() // 1_000_000
    return f"{prefix}_{_base32(now_ms, _TIME_DIGITS)}{_base32(secrets.randbits(80), _RANDOM_DIGITS)}"


def age_ms(made_id: str) -> float:
    """How long ago it was made, by the clock of this machine; endless for an id that `new_id` did not make."""
    digits = made_id.rpartition("_")[2][:_TIME_DIGITS]
    if len(digits) < _TIME_DIGITS or set(digits) - set(ALPHABET):
        return math.inf
    made_at = 0
    for digit in digits:
        made_at = made_at * 32 + ALPHABET.index(digit)
    return time.time_ns() // 1_000_000 - made_at


def _base32(number: int, digits: int) -> str:
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
