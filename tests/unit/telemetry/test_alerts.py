"""No alert without a runbook, a firing test and a silent test; no rule on a metric that nobody exports."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.ledger.store import Ledger
from mlops.telemetry.exporter import LedgerCollector, registry_of

PROMETHEUS = Path(__file__).parents[3] / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = [
    test for path in sorted(PROMETHEUS.glob("rules*_test.yml")) for test in yaml.safe_load(path.read_text())["tests"]
]
EXPECTED = {
    "StageStuck", "GateFailed", "PiiLeak", "ExporterDown", "AuditChainBroken", "ModelStale", "Watchdog",
    "LedgerUnreadable", "DriftDeclared", "RunAbandoned", "RunLate", "FindingsStay", "ReconcileOverdue",
    "ContractRefused",
}  # fmt: skip


def outcomes(alert: str) -> set[str]:
    """Whether tests of this alert fire or stay silent, from what they expect; their names must say the same."""
    found = set()
    for test in TESTS:
        name, _, says = test["name"].partition(" ")
        if name != alert:
            continue
        expectations = [bool(case["exp_alerts"]) for case in test["alert_rule_test"]]
        assert all(case["alertname"] == alert for case in test["alert_rule_test"])
        assert len(set(expectations)) == 1, test["name"]
        outcome = "fires" if expectations[0] else "silent"
        assert says.split(" ")[0].rstrip(":") == outcome, test["name"]
        found.add(outcome)
    return found


def test_the_alerts_are_these() -> None:
    assert {rule["alert"] for rule in RULES} == EXPECTED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_is_tested_and_has_a_runbook(rule: dict[str, Any], project_root: Path) -> None:
    alert = rule["alert"]
    # Watchdog fires always: it has no silent state to test.
    assert outcomes(alert) == ({"fires"} if alert == "Watchdog" else {"fires", "silent"})
    runbook = project_root / rule["annotations"]["runbook"]
    assert runbook.name == f"{alert}.md"
    assert "**Means:**" in runbook.read_text()
    assert rule["labels"]["severity"] in {"page", "ticket", "none"}


def test_no_runbook_without_an_alert(project_root: Path) -> None:
    assert {path.stem for path in (project_root / "deploy" / "runbooks").glob("*.md")} == EXPECTED


def test_rules_use_only_metrics_that_the_exporter_has(ledger: Ledger) -> None:
    families = list(registry_of(LedgerCollector(lambda: ledger)).collect())
    exported = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    used = {name for rule in RULES for name in re.findall(r"mlops_\w+", rule["expr"])}
    assert used
    assert used <= exported


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], id="rules"),
        pytest.param(["check", "config", "prometheus.yml"], id="scrape configuration"),
        pytest.param(["test", "rules", "rules_test.yml", "rules_slow_test.yml"], id="firing and silent"),
    ],
)
def test_promtool_agrees(arguments: list[str]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([promtool, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
