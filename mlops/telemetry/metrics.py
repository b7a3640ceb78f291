"""The metrics, their closed label sets, and the fold from ledger events to values.

Truth lives in the ledger, so a restart of the exporter computes the same totals again and no counter ever goes back.
Every label combination exists from the moment that a use case is declared, with 0: a counter born at 1 would show no
increase. Times are exported as timestamps, 0 for never. Run ids and digests are no labels, but for the release in
``mlops_model_info``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops.ledger.events import Event
from mlops.pipeline import STAGE_NAMES

STATES = ("done", "hit", "blocked", "failed")
DIRECTIONS = ("in", "out")
VERDICTS = ("pass", "fail", "inconclusive")
EXPECTATION_RESULTS = ("pass", "fail", "warn", "error")
PROMOTION_RESULTS = ("promoted", "rolled_back")
APPROVAL_RESULTS = ("approved", "rejected")
TIERS = ("critical", "veto", "advisory", "other")
RUN_OUTCOMES = ("done", "blocked", "failed", "other")
BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.:@/-]{0,79}")
_MOST_LABELS = 100
OTHER = "other"

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """Name (without a counter's ``_total``), Prometheus type, help text and label names of one metric."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ("use_case",)


_STAGE = ("use_case", "stage")
_GATE = ("use_case", "gate", "rule", "tier")

DEFINITIONS: tuple[Definition, ...] = (
    Definition("mlops_runs", "counter", "Finished runs.", ("use_case", "outcome")),
    Definition("mlops_stage_runs", "counter", "Ended attempts at a stage.", (*_STAGE, "state")),
    Definition("mlops_stage_duration_seconds", "histogram", "Duration of attempts that did the work.", _STAGE),
    Definition(
        "mlops_stage_last_completion_timestamp_seconds", "gauge", "When an attempt last ended; 0: never.", _STAGE
    ),
    Definition("mlops_stage_last_success_timestamp_seconds", "gauge", "When one last succeeded; 0: never.", _STAGE),
    Definition("mlops_stage_runs_active", "gauge", "Attempts that began and did not say that they ended.", _STAGE),
    Definition("mlops_stage_heartbeat_timestamp_seconds", "gauge", "Oldest heartbeat of them; 0: none.", _STAGE),
    Definition("mlops_stage_records", "counter", "Rows read and passed on.", (*_STAGE, "direction")),
    Definition("mlops_validation_expectations", "gauge", "Rules of the last validation.", ("use_case", "result")),
    Definition("mlops_pii_entities_masked", "counter", "Entities replaced.", ("use_case", "entity_type")),
    Definition("mlops_pii_residual_findings", "gauge", "Findings of the last scan after masking."),
    Definition("mlops_train_loss", "gauge", "Final loss of the last training; NaN: none."),
    Definition("mlops_train_tokens", "counter", "Tokens trained on."),
    Definition("mlops_train_steps", "counter", "Optimizer steps."),
    Definition("mlops_gate_verdicts", "counter", "Verdicts of the gate.", ("use_case", "verdict")),
    Definition("mlops_gate_value", "gauge", "Value that a rule last judged; NaN: missing.", _GATE),
    Definition("mlops_gate_threshold", "gauge", "Threshold beside it; NaN: missing.", _GATE),
    Definition("mlops_gate_passed", "gauge", "1 when the rule passed; fail and inconclusive are 0.", _GATE),
    Definition("mlops_gate_samples", "gauge", "Samples behind the value; NaN: missing.", _GATE),
    Definition("mlops_approvals", "counter", "Answers to requests for approval.", ("use_case", "result")),
    Definition("mlops_promotions", "counter", "Changes of the champion.", ("use_case", "result")),
    Definition("mlops_model_info", "gauge", "1 for the release that serves.", ("use_case", "release")),
    Definition("mlops_model_promoted_timestamp_seconds", "gauge", "When the champion last changed; 0: never."),
)


@dataclass
class Histogram:
    """Counts per upper bound (the last one is +Inf, not cumulative) and the sum of all values."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.total += value


@dataclass
class Totals:
    """What was folded so far: a value per metric name and label values."""

    values: dict[str, dict[Labels, float]] = field(default_factory=dict)
    histograms: dict[Labels, Histogram] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)

    def add(self, name: str, labels: Labels, amount: float = 1.0) -> None:
        """Raise a counter; a negative or missing amount counts as 0."""
        series = self.values.setdefault(name, {})
        series[labels] = series.get(labels, 0.0) + max(amount, 0.0)

    def put(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        self.values.setdefault(name, {})[labels] = value

    def forget(self, name: str, use_case: str) -> None:
        """Drop the series of one use case, when the next verdict names other ones."""
        series = self.values.get(name, {})
        for labels in [labels for labels in series if labels[0] == use_case]:
            del series[labels]

    def label(self, name: str, use_case: str, text: object) -> str:
        """The text as a label value; ``other`` when it is no plain name or when a use case already has 100."""
        value = text if isinstance(text, str) and _LABEL.fullmatch(text) else OTHER
        known = {labels[1] for labels in self.values.get(name, {}) if labels[0] == use_case}
        return value if value in known or len(known) < _MOST_LABELS else OTHER


def declare(totals: Totals, use_case: str) -> None:
    """Give a use case all its label combinations, at 0; a second call changes nothing."""
    if use_case in totals.declared:
        return
    totals.declared.add(use_case)
    for stage in STAGE_NAMES:
        totals.histograms[use_case, stage] = Histogram()
        totals.put("mlops_stage_last_completion_timestamp_seconds", (use_case, stage), 0.0)
        totals.put("mlops_stage_last_success_timestamp_seconds", (use_case, stage), 0.0)
        for state in STATES:
            totals.add("mlops_stage_runs", (use_case, stage, state), 0.0)
        for direction in DIRECTIONS:
            totals.add("mlops_stage_records", (use_case, stage, direction), 0.0)
    for name, names in (
        ("mlops_runs", RUN_OUTCOMES),
        ("mlops_gate_verdicts", VERDICTS),
        ("mlops_approvals", APPROVAL_RESULTS),
        ("mlops_promotions", PROMOTION_RESULTS),
        ("mlops_validation_expectations", EXPECTATION_RESULTS),
    ):
        for value in names:
            totals.add(name, (use_case, value), 0.0)
    for name in ("mlops_pii_residual_findings", "mlops_train_tokens", "mlops_train_steps"):
        totals.add(name, (use_case,), 0.0)
    totals.put("mlops_model_promoted_timestamp_seconds", (use_case,), 0.0)
    totals.put("mlops_train_loss", (use_case,), float("nan"))


def observe(totals: Totals, event: Event) -> None:
    """Fold one event in. Events must come in order, each one time; unknown kinds and stages change nothing."""
    if event.use_case is None or not _LABEL.fullmatch(event.use_case):
        return
    declare(totals, event.use_case)
    handler = _HANDLERS.get(event.kind)
    if handler is not None:
        handler(totals, event, event.use_case)


def _number(value: object) -> float:
    """The value as a float; NaN when it is none."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")


def _amount(value: object) -> float:
    number = _number(value)
    return number if number > 0 else 0.0


def _seconds(event: Event) -> float:
    return datetime.fromisoformat(event.at).timestamp()


def _stage_done(totals: Totals, event: Event, use_case: str) -> None:
    stage, body = event.stage or "", event.body
    if stage not in STAGE_NAMES:
        return
    hit, done = bool(body.get("hit")), body.get("outcome") == "done"
    state = ("hit" if hit else "done") if done else "blocked"
    totals.add("mlops_stage_runs", (use_case, stage, state))
    totals.put("mlops_stage_last_completion_timestamp_seconds", (use_case, stage), _seconds(event))
    if done:
        totals.put("mlops_stage_last_success_timestamp_seconds", (use_case, stage), _seconds(event))
    if not hit:
        totals.histograms[use_case, stage].observe(_amount(body.get("seconds")))
        totals.add("mlops_stage_records", (use_case, stage, "in"), _amount(body.get("rows_in")))
        totals.add("mlops_stage_records", (use_case, stage, "out"), _amount(body.get("rows_out")))
    figures = body.get("figures")
    reader = _FIGURES.get(stage)
    if reader is not None and isinstance(figures, Mapping):
        reader(totals, use_case, figures, hit)


def _stage_failed(totals: Totals, event: Event, use_case: str) -> None:
    stage = event.stage or ""
    if stage not in STAGE_NAMES:
        return
    totals.add("mlops_stage_runs", (use_case, stage, "failed"))
    totals.put("mlops_stage_last_completion_timestamp_seconds", (use_case, stage), _seconds(event))


def _mask_figures(totals: Totals, use_case: str, figures: Mapping[str, Any], hit: bool) -> None:
    totals.put("mlops_pii_residual_findings", (use_case,), _number(figures.get("residual")))
    entities = figures.get("entities")
    if hit or not isinstance(entities, Mapping):
        return
    for kind, count in entities.items():
        label = totals.label("mlops_pii_entities_masked", use_case, kind)
        totals.add("mlops_pii_entities_masked", (use_case, label), _amount(count))


def _validate_figures(totals: Totals, use_case: str, figures: Mapping[str, Any], hit: bool) -> None:
    results = figures.get("expectations")
    if isinstance(results, Mapping):
        for result in EXPECTATION_RESULTS:
            totals.put("mlops_validation_expectations", (use_case, result), _amount(results.get(result)))


def _train_figures(totals: Totals, use_case: str, figures: Mapping[str, Any], hit: bool) -> None:
    totals.put("mlops_train_loss", (use_case,), _number(figures.get("final_loss")))
    if not hit:
        totals.add("mlops_train_tokens", (use_case,), _amount(figures.get("tokens")))
        totals.add("mlops_train_steps", (use_case,), _amount(figures.get("steps")))


def _gate_figures(totals: Totals, use_case: str, figures: Mapping[str, Any], hit: bool) -> None:
    judged = figures.get("metrics")
    if not isinstance(judged, list):
        return
    for name in ("mlops_gate_value", "mlops_gate_threshold", "mlops_gate_passed", "mlops_gate_samples"):
        totals.forget(name, use_case)
    for metric in judged:
        if isinstance(metric, Mapping) and str(metric.get("outcome")).lower() != "skipped":
            _gate_rule(totals, use_case, metric)


def _gate_rule(totals: Totals, use_case: str, metric: Mapping[str, Any]) -> None:
    """One rule of one metric; of two under the same labels the one that did not pass is shown."""
    gate = totals.label("mlops_gate_passed", use_case, metric.get("id"))
    rule = str(metric.get("rule")).replace(" ", "_")
    tier = str(metric.get("tier"))
    labels = (use_case, gate, rule if _LABEL.fullmatch(rule) else OTHER, tier if tier in TIERS else OTHER)
    if totals.values.get("mlops_gate_passed", {}).get(labels) == 0.0:
        return
    totals.put("mlops_gate_passed", labels, float(str(metric.get("outcome")).lower() == "pass"))
    totals.put("mlops_gate_value", labels, _number(metric.get("value")))
    totals.put("mlops_gate_threshold", labels, _number(metric.get("threshold")))
    totals.put("mlops_gate_samples", labels, _number(metric.get("n")))


def _gate_verdict(totals: Totals, event: Event, use_case: str) -> None:
    verdict = str(event.body.get("verdict")).lower()
    if verdict in VERDICTS:
        totals.add("mlops_gate_verdicts", (use_case, verdict))


def _answered(totals: Totals, event: Event, use_case: str) -> None:
    totals.add("mlops_approvals", (use_case, event.kind))


def _champion_changed(totals: Totals, event: Event, use_case: str) -> None:
    totals.add("mlops_promotions", (use_case, event.kind))
    totals.put("mlops_model_promoted_timestamp_seconds", (use_case,), _seconds(event))
    totals.forget("mlops_model_info", use_case)
    totals.put("mlops_model_info", (use_case, str(event.body.get("release"))), 1.0)


def _run_finished(totals: Totals, event: Event, use_case: str) -> None:
    outcome = str(event.body.get("outcome"))
    totals.add("mlops_runs", (use_case, outcome if outcome in RUN_OUTCOMES else OTHER))


_HANDLERS: dict[str, Callable[[Totals, Event, str], None]] = {
    "stage_done": _stage_done,
    "stage_failed": _stage_failed,
    "gate_verdict": _gate_verdict,
    "approved": _answered,
    "rejected": _answered,
    "promoted": _champion_changed,
    "rolled_back": _champion_changed,
    "run_finished": _run_finished,
}

_FIGURES: dict[str, Callable[[Totals, str, Mapping[str, Any], bool], None]] = {
    "validate": _validate_figures,
    "mask": _mask_figures,
    "train": _train_figures,
    "gate": _gate_figures,
}
