"""Counters cheap enough for the bidding path; prometheus-client reads them when it is scraped.

Names follow Prometheus: `blytz_` in front, base units (seconds, bytes), `_total` behind a counter (added when it
is read). A label's values are few and known; an id, a path or a word of a client never is one.

A labelled child of prometheus-client costs a lock and about a microsecond each time. Here every process has one
event loop and no threads on this path, so a plain addition is enough.
"""

import platform
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

import blytz

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, float("inf"))
"""Upper bounds, in seconds. 0.05 and 0.3 are promises: how late a hammer falls, and after how long a bid that is
not known to be on disk is `pending`."""
MAX_UNSORTED = 1_024


class Counter:
    """Counts by labels whose values are few and known. Without labels it is there, as 0, from the start."""

    def __init__(self, name: str, what: str, *labels: str) -> None:
        self.name, self.what, self.labels = name, what, labels
        self.counts: dict[tuple[str, ...], int] = {} if labels else {(): 0}

    def add(self, *values: str, by: int = 1) -> None:
        """One value for each label, in their order."""
        self.counts[values] = self.counts.get(values, 0) + by

    def read(self) -> Metric:
        family = CounterMetricFamily(self.name, self.what, labels=self.labels)
        for values, count in self.counts.items():
            family.add_metric(values, count)
        return family


class Histogram:
    """Collects values and sorts many at once into their buckets, which costs a third of doing it one by one."""

    def __init__(self, name: str, what: str) -> None:
        self.name, self.what = name, what
        self._counts = [0] * len(BUCKETS_S)
        self._total = 0.0
        self._fresh: list[float] = []

    def add(self, value: float) -> None:
        self._fresh.append(value)
        if len(self._fresh) >= MAX_UNSORTED:
            self._sort()

    def read(self) -> Metric:
        self._sort()
        buckets, seen = [], 0
        for bound, count in zip(BUCKETS_S, self._counts, strict=True):
            seen += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(seen)))
        family = HistogramMetricFamily(self.name, self.what)
        family.add_metric([], buckets, self._total)
        return family

    def _sort(self) -> None:
        fresh, self._fresh = sorted(self._fresh), []
        self._total += sum(fresh)
        below = 0
        for number, bound in enumerate(BUCKETS_S):
            # A value that equals a bound belongs below it.
            upto = bisect_right(fresh, bound)
            self._counts[number] += upto - below
            below = upto


class Gauge:
    """Asked for its value when scraped."""

    def __init__(self, name: str, what: str, ask: Callable[[], float], *, only_grows: bool = False) -> None:
        self.name, self.what, self.ask = name, what, ask
        self._family = CounterMetricFamily if only_grows else GaugeMetricFamily

    def read(self) -> Metric:
        return self._family(self.name, self.what, value=self.ask())


T = TypeVar("T", Counter, Histogram, Gauge)


class Metrics:
    """All that one process counts; `render` gives the text of `/metrics`."""

    def __init__(self) -> None:
        self._all: list[Counter | Histogram | Gauge] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def counter(self, name: str, what: str, *labels: str) -> Counter:
        return self._keep(Counter(name, what, *labels))

    def histogram(self, name: str, what: str) -> Histogram:
        return self._keep(Histogram(name, what))

    def gauge(self, name: str, what: str, ask: Callable[[], float]) -> Gauge:
        return self._keep(Gauge(name, what, ask))

    def counted(self, name: str, what: str, ask: Callable[[], float]) -> Gauge:
        """A counter whose value is read from elsewhere: it never goes down while the process lives."""
        return self._keep(Gauge(name, what, ask, only_grows=True))

    def _keep(self, metric: T) -> T:
        self._all.append(metric)
        return metric

    def collect(self) -> Iterator[Metric]:
        """For prometheus-client's registry."""
        yield _build()
        for metric in self._all:
            yield metric.read()

    def render(self) -> bytes:
        return generate_latest(self._registry)


def _build() -> Metric:
    family = GaugeMetricFamily("blytz_build_info", "What runs here; always 1", labels=["version", "python"])
    family.add_metric([blytz.__version__, platform.python_version()], 1)
    return family
