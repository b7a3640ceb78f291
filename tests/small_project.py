"""A complete project that runs through all stages in well under a minute: real libraries, a tiny base model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

USE_CASE = """\
name: small
owner: test-team
purpose: {name: fine-tuning, legal_basis: gdpr-6-1-f, region: EU, role: ml-engineer}
description: The pipeline at its smallest.
impact: {score: 1, reason: none}
feasibility: {score: 5, reason: it only has to run}
success_metric: {metric: nll_per_token, target: 5.0, business_figure: none}
ethics: {intended_use: tests, out_of_scope: everything else, risk_class: minimal}
contracts:
  source: data_contracts/support_conversations.odcs.yaml
  training_set: data_contracts/support_training_set.odcs.yaml
sources:
- name: desk
  kind: jsonl
  path: data/*.jsonl
  id_field: id
  conversation_field: conversation
  source_field: source
  language_field: language
  created_at_field: created_at
privacy: {profile: gdpr}
curation: {duplicates: exact, conflicts: drop, languages: [en], split: {train: 0.8, validation: 0.1, test: 0.1}}
training:
  base_model: base_models/tiny-test
  max_steps: 24
  batch_size: 8
  learning_rate: 0.01
  max_length: 192
  save_steps: 4
  validation_rows: 16
  adapter: {rank: 4, alpha: 8, dropout: 0.05}
  seed: 3
evaluation: {task: reply_nll, batch_size: 32, max_examples: 60, compare_with: [base, champion]}
gates:
  name: small
  metrics:
  - id: nll_per_token
    ceiling: 20.0
    min_n: 20
    versus:
    - {against: base, margin: 0.01, test: paired_bootstrap}
    - {against: champion, margin: -0.5, test: paired_bootstrap}
  on_inconclusive: block
approval: {required: never}
promotion: {automatic: true}
monitoring: {}
serving: {}
schedule: {cron: null}
budget: {max_minutes: 20}
"""


def build_project(root: Path, rows: int = 800, seed: int = 11) -> Path:
    """Write use case, contracts, base model and source data below ``root``; returns ``root``."""
    from mlops.datasets.sample import generate

    shutil.copytree(ROOT / "data_contracts", root / "data_contracts")
    shutil.copytree(ROOT / "base_models" / "tiny-test", root / "base_models" / "tiny-test")
    (root / "use_cases").mkdir()
    (root / "use_cases" / "small.yaml").write_text(USE_CASE)
    (root / "data").mkdir()
    lines = [json.dumps(row, ensure_ascii=False) for row in generate(rows, seed)]
    (root / "data" / "desk.jsonl").write_text("\n".join(lines) + "\n")
    return root


def command(*arguments: str) -> list[str]:
    """The ``mlops`` command of this environment."""
    return [sys.executable, "-m", "mlops", *arguments]


def environment(root: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Settings of a small project; one thread, short heartbeats."""
    own = {"MLOPS_ROOT": str(root), "MLOPS_HEARTBEAT_SECONDS": "0.5", "MLOPS_THREADS": "1", "NO_COLOR": "1"}
    return {**os.environ, **own, **(more or {})}


def mlops(
    root: Path, *arguments: str, more: Mapping[str, str] | None = None, timeout: float = 280
) -> subprocess.CompletedProcess[str]:
    """Run ``mlops`` in a small project to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(root, more),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_json(root: Path, *arguments: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """``mlops run small --json``: the last object it printed."""
    done = mlops(root, "run", "small", "--json", *arguments, more=more)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    found: dict[str, Any] = json.loads(lines[-1])
    assert found["event"] == "run", done.stdout + done.stderr
    assert found["code"] == done.returncode
    return found


def artifacts(result: Mapping[str, Any]) -> dict[str, str]:
    """Stage to artifact digest of a run's result."""
    return {item["stage"]: item["artifact"] for item in result["stages"] if "artifact" in item}
