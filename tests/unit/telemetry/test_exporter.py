"""The exporter: what Prometheus sees is what the ledger says, and nothing else."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest
from prometheus_client import generate_latest

from mlops.ledger.events import append
from mlops.ledger.heartbeats import Heartbeat, beat
from mlops.ledger.store import Ledger
from mlops.pipeline import STAGE_NAMES
from mlops.telemetry.exporter import LedgerCollector, registry_of
from mlops.telemetry.metrics import CLAUSES, FINDINGS, SIGNALS, STATES
from tests.unit.telemetry.exposition import USE_CASE, scrape, value

FLOOR = {"gate": "ticket_exact_match", "rule": "floor", "tier": "critical"}
LEAKS = {"gate": "pii_leak_rate", "rule": "ceiling", "tier": "veto"}


@pytest.mark.usefixtures("whole_run")
class TestAfterOneRun:
    @pytest.mark.parametrize(
        ("name", "labels", "expected"),
        [
            ("runs_total", {"outcome": "done"}, 1),
            ("stage_runs_total", {"stage": "mask", "state": "done"}, 1),
            ("stage_runs_total", {"stage": "mask", "state": "failed"}, 0),
            ("stage_records_total", {"stage": "mask", "direction": "in"}, 100),
            ("stage_records_total", {"stage": "mask", "direction": "out"}, 90),
            ("stage_duration_seconds_count", {"stage": "train"}, 1),
            ("stage_duration_seconds_sum", {"stage": "train"}, 2.5),
            ("stage_duration_seconds_bucket", {"stage": "train", "le": "1.0"}, 0),
            ("stage_duration_seconds_bucket", {"stage": "train", "le": "5.0"}, 1),
            ("stage_duration_seconds_bucket", {"stage": "train", "le": "+Inf"}, 1),
            ("validation_expectations", {"result": "pass"}, 11),
            ("validation_expectations", {"result": "warn"}, 2),
            ("pii_entities_masked_total", {"entity_type": "EMAIL"}, 7),
            ("pii_residual_findings", {}, 0),
            ("train_loss", {}, 0.41),
            ("train_tokens_total", {}, 120_000),
            ("gate_value", FLOOR, 0.93),
            ("gate_threshold", FLOOR, 0.9),
            ("gate_samples", FLOOR, 400),
            ("gate_passed", FLOOR, 1),
            ("gate_value", {**FLOOR, "rule": "versus_base"}, 0.4),
            ("gate_passed", LEAKS, 0),
            ("gate_verdicts_total", {"verdict": "pass"}, 1),
            ("approvals_total", {"result": "approved"}, 1),
            ("promotions_total", {"result": "promoted"}, 1),
            ("promotions_total", {"result": "rolled_back"}, 0),
            ("model_info", {"release": "r-1"}, 1),
        ],
        ids=lambda part: part if isinstance(part, str) else "-".join(part.values()) if isinstance(part, dict) else "",
    )
    def test_each_figure(self, collector: LedgerCollector, name: str, labels: dict[str, str], expected: float) -> None:
        assert value(scrape(collector), name, use_case=USE_CASE, **labels) == expected

    def test_a_missing_value_is_nan_and_not_passed(self, collector: LedgerCollector) -> None:
        assert math.isnan(value(scrape(collector), "gate_value", use_case=USE_CASE, **LEAKS))

    def test_a_skipped_rule_decides_nothing_and_is_not_shown(self, collector: LedgerCollector) -> None:
        rules = {dict(labels)["rule"] for name, labels in scrape(collector) if name == "mlops_gate_passed"}
        assert rules == {"floor", "versus_base", "ceiling"}

    @pytest.mark.parametrize("name", ["stage_last_completion", "stage_last_success"])
    def test_times_are_timestamps(self, collector: LedgerCollector, name: str) -> None:
        at = value(scrape(collector), f"{name}_timestamp_seconds", use_case=USE_CASE, stage="register")
        assert abs(time.time() - at) < 60

    def test_a_second_scrape_and_a_restart_show_the_same(self, collector: LedgerCollector, ledger: Ledger) -> None:
        first, second = scrape(collector), scrape(collector)
        restarted = scrape(LedgerCollector(lambda: ledger, lambda: [USE_CASE], recheck_seconds=0.0))
        volatile = {("mlops_audit_chain_verified_timestamp_seconds", frozenset[tuple[str, str]]())}
        for other in (second, restarted):
            assert first.keys() == other.keys()
            for key in first.keys() - volatile:
                assert first[key] == other[key] or (math.isnan(first[key]) and math.isnan(other[key])), key

    def test_promtool_finds_nothing_to_complain_about(self, collector: LedgerCollector) -> None:
        promtool = shutil.which("promtool")
        if promtool is None:
            pytest.skip("promtool is not installed: apt-get install prometheus")
        exposition = generate_latest(registry_of(collector))
        done = subprocess.run([promtool, "check", "metrics"], input=exposition, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_combination_is_there_before_the_first_event(collector: LedgerCollector) -> None:
    samples = scrape(collector)
    for stage in STAGE_NAMES:
        for state in STATES:
            assert value(samples, "stage_runs_total", use_case=USE_CASE, stage=stage, state=state) == 0
        assert value(samples, "stage_duration_seconds_count", use_case=USE_CASE, stage=stage) == 0
        assert value(samples, "stage_runs_active", use_case=USE_CASE, stage=stage) == 0


def test_a_hit_counts_as_a_hit_and_does_no_work(collector: LedgerCollector, stage_done: Callable[..., None]) -> None:
    stage_done("mask", run="run-1")
    scrape(collector)
    stage_done("mask", run="run-2", hit=True)
    samples = scrape(collector)
    assert value(samples, "stage_runs_total", use_case=USE_CASE, stage="mask", state="hit") == 1
    assert value(samples, "pii_entities_masked_total", use_case=USE_CASE, entity_type="EMAIL") == 7
    assert value(samples, "stage_duration_seconds_count", use_case=USE_CASE, stage="mask") == 1


def test_blocked_and_failed_attempts_end_but_do_not_succeed(
    collector: LedgerCollector, ledger: Ledger, stage_done: Callable[..., None]
) -> None:
    stage_done("gate", outcome="blocked", reason="gate failed")
    names = {"use_case": USE_CASE, "run": "run-1", "stage": "train", "attempt": "a"}
    append(ledger, "stage_failed", {"code": "X-1", "message": "m", "retryable": True, "seconds": 1.0}, **names)
    samples = scrape(collector)
    for stage, state in (("gate", "blocked"), ("train", "failed")):
        assert value(samples, "stage_runs_total", use_case=USE_CASE, stage=stage, state=state) == 1
        assert value(samples, "stage_last_completion_timestamp_seconds", use_case=USE_CASE, stage=stage) > 0
        assert value(samples, "stage_last_success_timestamp_seconds", use_case=USE_CASE, stage=stage) == 0


def test_a_rollback_leaves_one_champion(collector: LedgerCollector, ledger: Ledger) -> None:
    for kind, release in (("promoted", "r-1"), ("promoted", "r-2"), ("rolled_back", "r-1")):
        append(ledger, kind, {"release": release, "previous": None, "reason": "drill"}, use_case=USE_CASE)
    info = {key: sample for key, sample in scrape(collector).items() if key[0] == "mlops_model_info"}
    assert info == {("mlops_model_info", frozenset({("use_case", USE_CASE), ("release", "r-1")})): 1.0}


def test_gates_of_an_older_verdict_vanish(collector: LedgerCollector, stage_done: Callable[..., None]) -> None:
    stage_done("gate", run="run-1")
    scrape(collector)
    newer = {"metrics": [{"id": "other_metric", "value": 1.0, "threshold": 0.5, "n": 9, "outcome": "PASS"}]}
    stage_done("gate", run="run-2", figures=newer)
    gates = {dict(labels)["gate"] for name, labels in scrape(collector) if name == "mlops_gate_passed"}
    assert gates == {"other_metric"}


def test_the_oldest_heartbeat_of_a_stage_is_shown(collector: LedgerCollector, ledger: Ledger) -> None:
    for attempt, at in (("a", 1000.0), ("b", 2000.0)):
        beat(ledger, Heartbeat(attempt, USE_CASE, "run-1", "train", 1, "host", 900.0, at, {"done": 1}))
    samples = scrape(collector)
    assert value(samples, "stage_runs_active", use_case=USE_CASE, stage="train") == 2
    assert value(samples, "stage_heartbeat_timestamp_seconds", use_case=USE_CASE, stage="train") == 1000.0
    assert value(samples, "stage_heartbeat_timestamp_seconds", use_case=USE_CASE, stage="mask") == 0


@pytest.mark.parametrize(
    "figures",
    [
        pytest.param({"entities": {"jane.doe+tracer@example.org": 3}, "residual": 0}, id="address"),
        pytest.param({"entities": {"Jane Doe": 3}, "residual": 0}, id="spaces"),
        pytest.param({"entities": {"x" * 200: 3}, "residual": 0}, id="long"),
    ],
)
def test_what_is_no_plain_name_becomes_other(
    collector: LedgerCollector, stage_done: Callable[..., None], figures: dict[str, object]
) -> None:
    stage_done("mask", figures=figures)
    samples = scrape(collector)
    assert value(samples, "pii_entities_masked_total", use_case=USE_CASE, entity_type="other") == 3
    assert not any("Doe" in str(key) or "doe" in str(key) or "xxx" in str(key) for key in samples)


def test_label_values_are_bounded(collector: LedgerCollector, stage_done: Callable[..., None]) -> None:
    stage_done("mask", figures={"entities": {f"T{number}": 1 for number in range(500)}, "residual": 0})
    samples = scrape(collector)
    assert sum(1 for name, _labels in samples if name == "mlops_pii_entities_masked_total") == 101
    assert value(samples, "pii_entities_masked_total", use_case=USE_CASE, entity_type="other") == 400


@pytest.mark.parametrize("outcomes", [("PASS", "FAIL"), ("FAIL", "PASS"), ("PASS", "INCONCLUSIVE")])
def test_of_two_rules_alike_the_worse_is_shown(
    collector: LedgerCollector, stage_done: Callable[..., None], outcomes: tuple[str, str]
) -> None:
    judged = [{"id": "m", "rule": "floor", "tier": "critical", "outcome": outcome} for outcome in outcomes]
    stage_done("gate", figures={"metrics": judged})
    samples = scrape(collector)
    assert value(samples, "gate_passed", use_case=USE_CASE, gate="m", rule="floor", tier="critical") == 0


def test_a_rule_without_a_known_tier_still_counts(collector: LedgerCollector, stage_done: Callable[..., None]) -> None:
    stage_done("gate", figures={"metrics": [{"id": "m", "outcome": "FAIL"}]})
    samples = scrape(collector)
    assert value(samples, "gate_passed", use_case=USE_CASE, gate="m", rule="None", tier="other") == 0


@pytest.mark.parametrize(
    "figures",
    [
        pytest.param({"metrics": [None, 3, "x"]}, id="no objects"),
        pytest.param({"metrics": "x"}, id="no list"),
        pytest.param({"metrics": [{}]}, id="empty object"),
        pytest.param(None, id="none"),
    ],
)
def test_odd_figures_neither_pass_nor_stop_the_scrape(
    collector: LedgerCollector, stage_done: Callable[..., None], figures: object
) -> None:
    stage_done("gate", figures=figures)
    samples = scrape(collector)
    assert value(samples, "stage_runs_total", use_case=USE_CASE, stage="gate", state="done") == 1
    assert not any(name == "mlops_gate_passed" and sample for (name, _labels), sample in samples.items())


def monitored(ledger: Ledger, outcome: str, drift: bool = False, alarms: int = 0) -> None:
    body = {"outcome": outcome, "drift": drift, "consecutive_alarms": alarms, "effects": {"language": 0.3}}
    append(ledger, "monitored", body, use_case=USE_CASE, run="run-2")


def test_drift_is_shown_until_the_data_is_ok_or_the_champion_changes(
    collector: LedgerCollector, ledger: Ledger
) -> None:
    monitored(ledger, "alarm", drift=True, alarms=2)
    monitored(ledger, "not_evaluated")  # says nothing about drift
    samples = scrape(collector)
    assert value(samples, "drift_declared", use_case=USE_CASE) == 1
    assert value(samples, "drift_consecutive_alarms", use_case=USE_CASE) == 2
    assert value(samples, "drift_effect", use_case=USE_CASE, signal="language") == 0.3
    assert math.isnan(value(samples, "drift_effect", use_case=USE_CASE, signal="words_per_message"))
    assert value(samples, "monitor_runs_total", use_case=USE_CASE, outcome="not_evaluated") == 1
    monitored(ledger, "ok")
    assert value(scrape(collector), "drift_declared", use_case=USE_CASE) == 0
    monitored(ledger, "alarm", drift=True, alarms=2)
    append(ledger, "promoted", {"release": "r-2", "previous": "r-1"}, use_case=USE_CASE, run="run-2")
    assert value(scrape(collector), "drift_declared", use_case=USE_CASE) == 0


def test_data_that_was_never_compared_has_no_time_of_a_comparison(collector: LedgerCollector, ledger: Ledger) -> None:
    monitored(ledger, "not_evaluated")
    assert value(scrape(collector), "monitor_last_evaluation_timestamp_seconds", use_case=USE_CASE) == 0
    monitored(ledger, "ok")
    at = value(scrape(collector), "monitor_last_evaluation_timestamp_seconds", use_case=USE_CASE)
    assert abs(time.time() - at) < 60


def test_retrain_decisions_are_counted(collector: LedgerCollector, ledger: Ledger) -> None:
    append(ledger, "retrain_decided", {"decision": "wait"}, use_case=USE_CASE, run="run-2")
    samples = scrape(collector)
    assert value(samples, "retrain_decisions_total", use_case=USE_CASE, decision="wait") == 1
    assert value(samples, "retrain_decisions_total", use_case=USE_CASE, decision="retrain") == 0


def test_refusals_are_counted_by_the_kind_of_clause(collector: LedgerCollector, ledger: Ledger) -> None:
    assert value(scrape(collector), "policy_refusals_total", use_case=USE_CASE, clause="purpose") == 0
    clauses = [
        "mlops.permittedPurposes",
        "mlops.prohibitedPurposes",
        "slaProperties.sla_keep",
        "quality",
        "GDPR-01",
        "new",
    ]
    append(ledger, "policy_refused", {"reasons": [{"clause": clause} for clause in clauses]}, use_case=USE_CASE)
    samples = scrape(collector)
    found = {clause: value(samples, "policy_refusals_total", use_case=USE_CASE, clause=clause) for clause in CLAUSES}
    assert {clause: number for clause, number in found.items() if number} == {
        "purpose": 2,
        "retention": 1,
        "check": 1,
        "regulation": 1,
        "other": 1,
    }


def test_findings_are_those_of_the_last_pass_that_looked(collector: LedgerCollector, ledger: Ledger) -> None:
    assert value(scrape(collector), "reconcile_last_timestamp_seconds") == 0
    found = {USE_CASE: {"dataset_without_run": 2, "stuck_lease": 1}}
    append(ledger, "reconciled", {"kinds": list(FINDINGS), "open": found, "repaired": {}})
    mended = {USE_CASE: {"stuck_lease": 1}}
    append(ledger, "reconciled", {"kinds": ["stuck_lease"], "open": {}, "repaired": mended})
    samples = scrape(collector)
    assert value(samples, "reconcile_findings", use_case=USE_CASE, kind="dataset_without_run") == 2
    assert value(samples, "reconcile_findings", use_case=USE_CASE, kind="stuck_lease") == 0
    assert value(samples, "reconcile_repairs_total", use_case=USE_CASE, kind="stuck_lease") == 1
    assert abs(time.time() - value(samples, "reconcile_last_timestamp_seconds")) < 60


def test_the_label_sets_are_those_of_the_code_that_makes_them() -> None:
    from mlops.monitoring.config import MonitoringSection
    from mlops.monitoring.drift import drift
    from mlops.reconcile import FINDING_KINDS
    from tests.watched_project import conversations

    assert FINDINGS == FINDING_KINDS
    rows = conversations(1)
    assert tuple(signal.name for signal in drift(rows, rows, MonitoringSection()).signals) == SIGNALS
