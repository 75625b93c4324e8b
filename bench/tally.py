"""Counts one round: what happened between `begin` and `end`, and what it cost."""

import time
from collections import Counter

from bench.jobs import Result
from bench.machine import cpu_seconds


class Tally:
    """Counts nothing before `begin`."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self.counting = False
        self.outcomes: Counter[str] = Counter()
        self.acks_s: list[float] = []
        self.fanouts_s: list[float] = []
        self.delivered = 0
        self._began_at = self._server_cpu = self._load_cpu = 0.0

    def begin(self) -> None:
        self._server_cpu = cpu_seconds(self._pid) if self._pid else 0.0
        self._load_cpu = time.process_time()
        self._began_at = time.perf_counter()
        self.counting = True

    def end(self) -> Result:
        seconds = time.perf_counter() - self._began_at
        server_cpu = cpu_seconds(self._pid) - self._server_cpu if self._pid else 0.0
        self.counting = False
        outcomes = dict(self.outcomes)
        return Result(
            seconds=seconds,
            accepted=outcomes.pop("accepted", 0),
            other=outcomes,
            server_cpu_s=server_cpu,
            load_cpu_s=time.process_time() - self._load_cpu,
            ack_ms=percentiles(self.acks_s),
            fanout_ms=percentiles(self.fanouts_s),
            delivered=self.delivered,
        )

    def answered(self, outcome: str, after_s: float) -> None:
        if self.counting:
            self.outcomes[outcome] += 1
            self.acks_s.append(after_s)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    if not seconds:
        return {}
    ranked = sorted(seconds)
    last = len(ranked) - 1
    return {f"p{share}": ranked[round(last * share / 100)] * 1000 for share in (50, 95, 99)}
