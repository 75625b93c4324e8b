"""How gateways report who watches, and what the reports come to. `live/redis/lua/presence.lua` adds up by the same
rule."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

FRESH_FOR_S: Final = 30
"""A gateway that has not reported for so long does not count."""
MAX_GATEWAYS: Final = 1_024
"""Of one topic; more are not added up."""
_REPORT: Final = re.compile(rb"([0-9]{1,15}):([0-9]{1,15})")


def total_of(reports: Iterable[bytes], now_s: int) -> int:
    """The viewers at all gateways together. A report is `count:reported_at`, in seconds on the clock of Redis; one
    from the future was written before the clock was set back, and counts."""
    found = (match for report in islice(reports, MAX_GATEWAYS) if (match := _REPORT.fullmatch(report)))
    return sum(int(match[1]) for match in found if now_s - int(match[2]) < FRESH_FOR_S)
