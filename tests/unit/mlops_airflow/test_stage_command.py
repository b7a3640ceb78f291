"""The one command of a stage: on this machine and as a pod."""

from __future__ import annotations

import sys

import pytest

from mlops_airflow.run_ids import run_of
from mlops_airflow.stage_command import StageCommand, pod_spec

COMMAND = StageCommand("train", "support_triage", "run-1", "author", {"MLOPS_DATA_DATE": "2026-03-01"})


def test_a_stage_knows_nothing_of_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://secret")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "secret")
    monkeypatch.setenv("_AIRFLOW__AS_LIBRARY", "1")
    found = COMMAND.environment()
    assert not [name for name in found if "AIRFLOW" in name]
    assert found["MLOPS_ACTOR"] == "author"
    assert COMMAND.argv()[0] == sys.executable


def test_the_pod_runs_the_same_arguments_without_a_secret_in_its_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LEDGER_URL", "postgresql://user:secret@host/db")
    spec = pod_spec(COMMAND, image="registry/mlops@sha256:0", gpus=1)
    (container,) = spec["spec"]["containers"]
    assert container["args"] == COMMAND.argv()[1:]
    assert "secret@" not in str(spec)
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert container["securityContext"]["runAsNonRoot"] is True


def test_a_run_follows_from_the_names_of_dag_and_dag_run() -> None:
    name = "scheduled__2026-03-01T03:00:00+00:00"
    found = run_of("a__finetune", name)
    assert found == run_of("a__finetune", name)
    assert found.startswith("20260301T030000-")
    assert len({found, run_of("b__finetune", name), run_of("a__finetune", name + "x")}) == 3
    assert run_of("a__finetune", "by hand").startswith("dagrun-")
