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
from mlops.telemetry.metrics import STATES
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
