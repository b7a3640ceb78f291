"""Read an exposition as Prometheus does."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mlops.telemetry.exporter import LedgerCollector, registry_of

USE_CASE = "support_triage"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(exposition: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def scrape(collector: LedgerCollector) -> Samples:
    return parse(generate_latest(registry_of(collector)).decode())


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"mlops_{name}", frozenset(labels.items())]
