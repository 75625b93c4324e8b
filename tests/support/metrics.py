"""What the metrics of a process in memory say."""

from prometheus_client.parser import text_string_to_metric_families

from blytz.kit.telemetry.metrics import Metrics


def value_of(metrics: Metrics, name: str, **labels: str) -> float:
    """Of the sample with this name and these labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    samples = (sample for family in families for sample in family.samples)
    return next(sample.value for sample in samples if sample.name == name and sample.labels == labels)
