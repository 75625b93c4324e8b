"""Identifiers: opaque, time-ordered, with a readable prefix (`auc_`, `ord_`, ...)."""

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


def _base32(number: int, digits: int) -> str:
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
