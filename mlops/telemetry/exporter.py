"""The long-running exporter: one process that computes all metrics from the ledger when Prometheus asks.

Short-lived stages push nothing and keep no counters; a Pushgateway, or counters in each process, would lose or repeat
them. Reading is incremental, so a scrape costs what happened since the last one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.server import HTTPServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mlops import __version__
from mlops.errors import MlopsError, RetryableError
from mlops.ledger.heartbeats import Heartbeat, live
from mlops.ledger.store import Ledger
from mlops.pipeline import STAGE_NAMES
from mlops.telemetry.chain_watch import ChainWatch
from mlops.telemetry.errors import TelemetryError
from mlops.telemetry.folds import observe
from mlops.telemetry.metrics import BUCKETS, DEFINITIONS, Definition, Histogram, Totals, declare

DEFAULT_PORT = 9109


class LedgerCollector(Collector):
    """Computes the metrics of one ledger; safe to scrape from several threads.

    Args:
        connect: opens the ledger. Called until it succeeds, so the exporter may start before the first run.
        use_cases: names of the declared use cases, asked at each scrape.
        recheck_seconds: time between two checks of the whole chain.
    """

    def __init__(
        self,
        connect: Callable[[], Ledger],
        use_cases: Callable[[], Iterable[str]] = tuple,
        recheck_seconds: float = 300.0,
    ) -> None:
        self._connect = connect
        self._use_cases = use_cases
        self._ledger: Ledger | None = None
        self._lock = threading.Lock()
        self._totals = Totals()
        self._beats: list[Heartbeat] = []
        self._chain = ChainWatch(recheck_seconds)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry shall not read the ledger when the collector is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metric families as of now."""
        with self._lock:
            readable, unreadable = self._read()
            for use_case in self._use_cases():
                declare(self._totals, use_case)
            families = [
                *_families(self._totals, self._beats),
                *_health(self._chain, readable, unreadable),
            ]
        yield from families

    def _read(self) -> tuple[bool, bool]:
        """Fold in what is new; says whether the ledger could be reached and whether a record of it is unreadable."""
        try:
            if self._ledger is None:
                self._ledger = self._connect()
            self._beats = live(self._ledger)
            for event in self._chain.read(self._ledger):
                observe(self._totals, event)
        except RetryableError:
            return False, False
        except MlopsError:
            return self._ledger is not None, self._ledger is not None
        return True, False


def _families(totals: Totals, beats: list[Heartbeat]) -> Iterator[Metric]:
    for beat in beats:
        declare(totals, beat.use_case)
    activity = _activity(totals, beats)
    for definition in DEFINITIONS:
        if definition.kind == "histogram":
            yield _histogram(definition, totals.histograms)
            continue
        make = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
        family = make(definition.name, definition.help, labels=definition.labels)
        series = activity.get(definition.name) or totals.values.get(definition.name, {})
        for labels, value in sorted(series.items()):
            family.add_metric(labels, value)
        yield family


def _activity(totals: Totals, beats: list[Heartbeat]) -> dict[str, dict[tuple[str, ...], float]]:
    places = [(use_case, stage) for use_case in totals.declared for stage in STAGE_NAMES]
    active: dict[tuple[str, ...], float] = dict.fromkeys(places, 0.0)
    oldest: dict[tuple[str, ...], float] = dict.fromkeys(places, 0.0)
    for beat in beats:
        place = (beat.use_case, beat.stage)
        if place in active:
            active[place] += 1.0
            oldest[place] = min(oldest[place] or beat.beat_at, beat.beat_at)
    return {"mlops_stage_runs_active": active, "mlops_stage_heartbeat_timestamp_seconds": oldest}


def _histogram(definition: Definition, histograms: dict[tuple[str, ...], Histogram]) -> Metric:
    family = HistogramMetricFamily(definition.name, definition.help, labels=definition.labels)
    for labels, histogram in sorted(histograms.items()):
        buckets: list[tuple[str, float]] = []
        running = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
            running += count
            buckets.append((bound, float(running)))
        family.add_metric(labels, buckets=buckets, sum_value=histogram.total)
    return family


def _health(chain: ChainWatch, readable: bool, unreadable: bool) -> Iterator[Metric]:
    for name, text, value in (
        ("mlops_ledger_up", "1 when the ledger could be read at this scrape.", float(readable)),
        ("mlops_ledger_unreadable_records", "1 when a record of the ledger cannot be read.", float(unreadable)),
        ("mlops_ledger_events", "Events read so far.", float(chain.seq)),
        ("mlops_audit_chain_valid", "1 while nothing contradicts the hash chain.", float(chain.valid)),
        ("mlops_audit_chain_verified_timestamp_seconds", "Last check of the whole chain; 0: never.", chain.verified_at),
    ):
        yield GaugeMetricFamily(name, text, value=value)
    build = GaugeMetricFamily("mlops_exporter_build_info", "Version of the exporter; always 1.", labels=["version"])
    build.add_metric([__version__], 1.0)
    yield build


def registry_of(collector: LedgerCollector) -> CollectorRegistry:
    """A registry with the ledger's metrics and nothing of this process."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


@dataclass(frozen=True)
class Exporter:
    """A serving exporter; ``address`` is host and port as bound."""

    address: tuple[str, int]
    server: HTTPServer
    thread: threading.Thread

    def close(self) -> None:
        """Stop serving and give the port back."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def start(collector: LedgerCollector, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> Exporter:
    """Serve ``http://host:port/metrics`` in a thread; port 0 takes a free one.

    Raises:
        TelemetryError: the address cannot be bound.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=registry_of(collector))
    except OSError as error:
        raise TelemetryError(
            "TELEMETRY-001",
            f"cannot listen there ({error.strerror})",
            where=f"{host}:{port}",
            todo="choose another --port or --host, or stop what listens there",
        ) from None
    return Exporter((host, int(server.server_address[1])), server, thread)
