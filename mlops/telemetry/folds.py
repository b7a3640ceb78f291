"""The fold from ledger events to the values of the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mlops.ledger.events import Event
from mlops.pipeline import STAGE_NAMES
from mlops.telemetry.metrics import (
    DECISIONS,
    EXPECTATION_RESULTS,
    FINDINGS,
    LABEL,
    MONITOR_OUTCOMES,
    OTHER,
    RUN_OUTCOMES,
    SIGNALS,
    TIERS,
    VERDICTS,
    Labels,
    Totals,
    declare,
)


def observe(totals: Totals, event: Event) -> None:
    """Fold one event in. Events must come in order, each one time; unknown kinds and stages change nothing."""
    if event.kind == "reconciled":
        _reconciled(totals, event)
    if event.use_case is None or not LABEL.fullmatch(event.use_case):
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
    labels = (use_case, gate, rule if LABEL.fullmatch(rule) else OTHER, tier if tier in TIERS else OTHER)
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
    for name in ("mlops_drift_declared", "mlops_drift_consecutive_alarms"):
        totals.put(name, (use_case,), 0.0)  # the new champion was compared with nothing yet
    totals.forget("mlops_model_info", use_case)
    totals.put("mlops_model_info", (use_case, str(event.body.get("release"))), 1.0)


def _run_finished(totals: Totals, event: Event, use_case: str) -> None:
    outcome = str(event.body.get("outcome"))
    totals.add("mlops_runs", (use_case, outcome if outcome in RUN_OUTCOMES else OTHER))


def _monitored(totals: Totals, event: Event, use_case: str) -> None:
    outcome = event.body.get("outcome")
    if outcome not in MONITOR_OUTCOMES:
        return
    totals.add("mlops_monitor_runs", (use_case, outcome))
    if outcome == "not_evaluated":
        return  # it says nothing about drift: what was known stays
    totals.put("mlops_monitor_last_evaluation_timestamp_seconds", (use_case,), _seconds(event))
    totals.put("mlops_drift_declared", (use_case,), float(event.body.get("drift") is True))
    totals.put("mlops_drift_consecutive_alarms", (use_case,), _amount(event.body.get("consecutive_alarms")))
    effects = event.body.get("effects")
    for signal in SIGNALS:
        effect = effects.get(signal) if isinstance(effects, Mapping) else None
        totals.put("mlops_drift_effect", (use_case, signal), _number(effect))


def _retrain_decided(totals: Totals, event: Event, use_case: str) -> None:
    decision = event.body.get("decision")
    if decision in DECISIONS:
        totals.add("mlops_retrain_decisions", (use_case, decision))


def _reconciled(totals: Totals, event: Event) -> None:
    """What a pass looked at and does not name is in order; what it did not look at stays as it was."""
    totals.put("mlops_reconcile_last_timestamp_seconds", (), _seconds(event))
    left, repaired = _counts(event.body.get("open")), _counts(event.body.get("repaired"))
    for use_case in {use_case for use_case, _ in (*left, *repaired)}:
        declare(totals, use_case)
    kinds = event.body.get("kinds")
    for labels in totals.values.get("mlops_reconcile_findings", {}):
        if isinstance(kinds, list) and labels[1] in kinds:
            totals.put("mlops_reconcile_findings", labels, left.get(labels, 0.0))
    for labels, count in repaired.items():
        totals.add("mlops_reconcile_repairs", labels, count)


def _counts(found: object) -> dict[Labels, float]:
    """Numbers by use case and kind, where both are what they should be."""
    counts: dict[Labels, float] = {}
    for use_case, kinds in found.items() if isinstance(found, Mapping) else ():
        if LABEL.fullmatch(use_case) and isinstance(kinds, Mapping):
            counts |= {(use_case, kind): _amount(kinds.get(kind)) for kind in FINDINGS}
    return counts


_CLAUSE_OF = {
    "approvals": "approvals",
    "mlops.waivers": "waiver",
    "mlops.permittedPurposes": "purpose",
    "mlops.prohibitedPurposes": "purpose",
    "mlops.legalBasis": "legal_basis",
    "mlops.residency": "residency",
    "roles": "role",
    "quality": "check",
    "version": "check",
}

_CLAUSES_FROM = {"slaProperties.": "retention", "GDPR-": "regulation", "CCPA-": "regulation", "HIPAA-": "regulation"}


def _policy_refused(totals: Totals, event: Event, use_case: str) -> None:
    reasons = event.body.get("reasons")
    for reason in reasons if isinstance(reasons, list) else ():
        clause = str(reason.get("clause")) if isinstance(reason, Mapping) else OTHER
        prefix = next((kind for start, kind in _CLAUSES_FROM.items() if clause.startswith(start)), OTHER)
        known = _CLAUSE_OF.get(clause, prefix)
        totals.add("mlops_policy_refusals", (use_case, known))


def _deadline_missed(totals: Totals, _event: Event, use_case: str) -> None:
    totals.add("mlops_deadlines_missed", (use_case,))


_HANDLERS: dict[str, Callable[[Totals, Event, str], None]] = {
    "stage_done": _stage_done,
    "stage_failed": _stage_failed,
    "gate_verdict": _gate_verdict,
    "approved": _answered,
    "rejected": _answered,
    "promoted": _champion_changed,
    "rolled_back": _champion_changed,
    "run_finished": _run_finished,
    "deadline_missed": _deadline_missed,
    "policy_refused": _policy_refused,
    "monitored": _monitored,
    "retrain_decided": _retrain_decided,
}

_FIGURES: dict[str, Callable[[Totals, str, Mapping[str, Any], bool], None]] = {
    "validate": _validate_figures,
    "mask": _mask_figures,
    "train": _train_figures,
    "gate": _gate_figures,
}
