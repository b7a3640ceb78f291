"""The metrics, their closed label sets, and the values that were folded so far; ``folds`` makes them from events.

Truth lives in the ledger, so a restart of the exporter computes the same totals again and no counter ever goes back.
Every label combination exists from the moment that a use case is declared, with 0: a counter born at 1 would show no
increase. Times are exported as timestamps, 0 for never. Run ids and digests are no labels, but for the release in
``mlops_model_info``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

from mlops.pipeline import STAGE_NAMES

STATES = ("done", "hit", "blocked", "failed")
DIRECTIONS = ("in", "out")
VERDICTS = ("pass", "fail", "inconclusive")
EXPECTATION_RESULTS = ("pass", "fail", "warn", "error")
PROMOTION_RESULTS = ("promoted", "rolled_back")
APPROVAL_RESULTS = ("approved", "rejected")
TIERS = ("critical", "veto", "advisory", "other")
MONITOR_OUTCOMES = ("ok", "alarm", "not_evaluated")
SIGNALS = ("words_per_message", "message_count", "placeholders_per_message", "language")
DECISIONS = ("retrain", "wait")
FINDINGS = (
    "unpromoted",
    "approval_waiting",
    "dataset_without_run",
    "stuck_lease",
    "dead_heartbeat",
    "abandoned_run",
)
CLAUSES = (
    "approvals",
    "waiver",
    "purpose",
    "legal_basis",
    "residency",
    "role",
    "check",
    "retention",
    "regulation",
    "other",
)
RUN_OUTCOMES = ("done", "blocked", "failed", "other")
BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.:@/-]{0,79}")
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
_FINDING = ("use_case", "kind")

DEFINITIONS: tuple[Definition, ...] = (
    Definition("mlops_runs", "counter", "Finished runs.", ("use_case", "outcome")),
    Definition("mlops_policy_refusals", "counter", "Clauses of contracts that refused a use.", ("use_case", "clause")),
    Definition("mlops_deadlines_missed", "counter", "Runs that were not done in the time they are given."),
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
    Definition("mlops_monitor_runs", "counter", "Monitored runs.", ("use_case", "outcome")),
    Definition("mlops_monitor_last_evaluation_timestamp_seconds", "gauge", "When data was last compared; 0: never."),
    Definition("mlops_drift_declared", "gauge", "1 while drift from the champion's data is declared."),
    Definition("mlops_drift_consecutive_alarms", "gauge", "Monitored runs in alarm, one after the other."),
    Definition(
        "mlops_drift_effect", "gauge", "Distance of a signal at the last evaluation; NaN: none.", ("use_case", "signal")
    ),
    Definition("mlops_retrain_decisions", "counter", "Answers to monitored runs.", ("use_case", "decision")),
    Definition("mlops_reconcile_findings", "gauge", "Findings that the last pass left open.", _FINDING),
    Definition("mlops_reconcile_repairs", "counter", "Findings that passes repaired.", _FINDING),
    Definition("mlops_reconcile_last_timestamp_seconds", "gauge", "When a pass was last made; 0: never.", ()),
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


def _from_the_start() -> dict[str, dict[Labels, float]]:
    """What has no labels is there before the first event."""
    return {"mlops_reconcile_last_timestamp_seconds": {(): 0.0}}


@dataclass
class Totals:
    """What was folded so far: a value per metric name and label values."""

    values: dict[str, dict[Labels, float]] = field(default_factory=_from_the_start)
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
        value = text if isinstance(text, str) and LABEL.fullmatch(text) else OTHER
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
        ("mlops_monitor_runs", MONITOR_OUTCOMES),
        ("mlops_retrain_decisions", DECISIONS),
        ("mlops_policy_refusals", CLAUSES),
        ("mlops_reconcile_findings", FINDINGS),
        ("mlops_reconcile_repairs", FINDINGS),
    ):
        for value in names:
            totals.add(name, (use_case, value), 0.0)
    for name in (
        "mlops_deadlines_missed",
        "mlops_pii_residual_findings",
        "mlops_train_tokens",
        "mlops_train_steps",
        "mlops_monitor_last_evaluation_timestamp_seconds",
        "mlops_drift_declared",
        "mlops_drift_consecutive_alarms",
        "mlops_model_promoted_timestamp_seconds",
    ):
        totals.add(name, (use_case,), 0.0)
    for signal in SIGNALS:
        totals.put("mlops_drift_effect", (use_case, signal), float("nan"))
    totals.put("mlops_train_loss", (use_case,), float("nan"))
