"""Counters cheap enough for the bidding path; prometheus-client reads them when it is scraped.

A labelled child of prometheus-client costs a lock and about a microsecond each time. Here every process has one
event loop and no threads on this path, so a plain addition is enough.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


class Counter:
    """Counts by one label whose values are few and known."""

    def __init__(self, name: str, what: str, label: str = "") -> None:
        self.name, self.what, self.label = name, what, label
        self.values: dict[str, int] = {}

    def add(self, value: str = "", by: int = 1) -> None:
        self.values[value] = self.values.get(value, 0) + by

    def read(self) -> Metric:
        family = CounterMetricFamily(self.name, self.what, labels=[self.label] if self.label else [])
        for value, count in self.values.items():
            family.add_metric([value] if self.label else [], count)
        return family


class Histogram:
    def __init__(self, name: str, what: str, bounds: tuple[float, ...] = SECONDS) -> None:
        self.name, self.what, self.bounds = name, what, bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def read(self) -> Metric:
        buckets, seen = [], 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(seen)))
        family = HistogramMetricFamily(self.name, self.what)
        family.add_metric([], buckets, self.total)
        return family


class Gauge:
    """Asked for its value when scraped."""

    def __init__(self, name: str, what: str, ask: Callable[[], float]) -> None:
        self.name, self.what, self.ask = name, what, ask

    def read(self) -> Metric:
        return GaugeMetricFamily(self.name, self.what, value=self.ask())


T = TypeVar("T", Counter, Histogram, Gauge)


class Metrics:
    """All that one process counts; `render` gives the text of `/metrics`."""

    def __init__(self) -> None:
        self._all: list[Counter | Histogram | Gauge] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def counter(self, name: str, what: str, label: str = "") -> Counter:
        return self._keep(Counter(name, what, label))

    def histogram(self, name: str, what: str, bounds: tuple[float, ...] = SECONDS) -> Histogram:
        return self._keep(Histogram(name, what, bounds))

    def gauge(self, name: str, what: str, ask: Callable[[], float]) -> Gauge:
        return self._keep(Gauge(name, what, ask))

    def _keep(self, metric: T) -> T:
        self._all.append(metric)
        return metric

    def collect(self) -> Iterable[Metric]:
        """For prometheus-client's registry."""
        return self._read()

    def _read(self) -> Iterator[Metric]:
        for metric in self._all:
            yield metric.read()

    def render(self) -> bytes:
        return generate_latest(self._registry)
