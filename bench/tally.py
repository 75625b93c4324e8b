"""Counts what happened between `begin` and `end` of a round, and the CPU time it took."""

import asyncio
import time
from collections import Counter

from bench.jobs import Result, Target
from bench.machine import busy_seconds, cpu_seconds


class Tally:
    """Counts nothing before `begin`. The CPU time of the server and its Redis needs a `target`."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target
        self.counting = False
        self.outcomes: Counter[str] = Counter()
        self.acks_s: list[float] = []
        self.fanouts_s: list[float] = []
        self.delivered = 0
        self._began_at = self._load_cpu = self._busy = 0.0
        self._cpu = (0.0, 0.0)

    async def measure(self, warm_up_s: float, seconds: float) -> Result:
        """The result of `seconds` after a warm-up, while bids are under way."""
        await asyncio.sleep(warm_up_s)
        self.begin()
        await asyncio.sleep(seconds)
        return self.end()

    def begin(self) -> None:
        self._cpu = self._cpu_now()
        self._load_cpu = time.process_time()
        self._busy = busy_seconds()
        self._began_at = time.perf_counter()
        self.counting = True

    def end(self) -> Result:
        seconds = time.perf_counter() - self._began_at
        server_cpu, redis_cpu = (now - then for now, then in zip(self._cpu_now(), self._cpu, strict=True))
        load_cpu = time.process_time() - self._load_cpu
        others = busy_seconds() - self._busy - server_cpu - redis_cpu - load_cpu
        self.counting = False
        outcomes = dict(self.outcomes)
        return Result(
            seconds=seconds,
            accepted=outcomes.pop("accepted", 0),
            other=outcomes,
            server_cpu_s=server_cpu,
            redis_cpu_s=redis_cpu,
            others_cpu_s=max(0.0, others) if self._target else 0.0,
            load_cpu_s=load_cpu,
            ack_ms=percentiles(self.acks_s),
            fanout_ms=percentiles(self.fanouts_s),
            delivered=self.delivered,
        )

    def _cpu_now(self) -> tuple[float, float]:
        if self._target is None:
            return 0.0, 0.0
        return cpu_seconds(self._target.pid), cpu_seconds(self._target.redis_pid)

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
