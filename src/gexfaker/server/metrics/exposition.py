"""The metrics in the formats of Prometheus, by its client library, which is loaded with the first who asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gexfaker.server.metrics import table
from gexfaker.server.metrics.counts import BUCKETS, Durations
from gexfaker.server.metrics.table import METRICS, Kind, Seen


class _Ours(Collector):
    """Our metrics, read when somebody asks."""

    def __init__(self, seen: Seen) -> None:
        self._seen: Final = seen

    def collect(self) -> Iterable[Metric]:
        return (_family(metric, self._seen) for metric in METRICS)


def exposed(seen: Seen, accept: str) -> tuple[bytes, str]:
    """(text, media type) of all metrics, and those of the process, as an Accept header wants them."""
    registry = CollectorRegistry()
    registry.register(_Ours(seen))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    try:
        encode, media_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        encode, media_type = choose_encoder("")
    return encode(registry), media_type


def _family(metric: table.Metric, seen: Seen) -> Metric:
    samples = metric.read(seen)
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, value in samples:
            if isinstance(value, Durations):
                histogram.add_metric(labels, list(_buckets(value)), value.seconds)
        return histogram
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        if not isinstance(value, Durations):
            family.add_metric(labels, value)
    return family


def _buckets(durations: Durations) -> Iterator[tuple[str, float]]:
    """How many were not longer than each bound."""
    count = 0
    for bound, more in zip((*BUCKETS, float("inf")), durations.counts, strict=True):
        count += more
        yield "+Inf" if bound == float("inf") else repr(bound), count
