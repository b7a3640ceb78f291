"""What Airflow makes of dags/, parsed without a scheduler: shipped, with a hundred use cases, with a broken one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops.pipeline import STAGES
from mlops.use_case import list_use_cases

ROOT = Path(__file__).resolve().parents[2]
PARSER = Path(__file__).with_name("parse_dags.py")
STAGE_NAMES = {stage.name for stage in STAGES}
HUNDRED = [f"case_{number}" for number in range(100)]


def _parsed(home: Path, root: Path, what: str = "dags", dag_id: str | None = None) -> dict[str, Any]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "MLOPS_ROOT": str(root),
    }
    if dag_id is not None:
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    command = [sys.executable, str(PARSER), str(ROOT / what)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAGs of this checkout."""
    return _parsed(tmp_path_factory.mktemp("home"), ROOT)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a hundred use cases and a broken one."""
    root = tmp_path_factory.mktemp("hundred")
    shutil.copytree(ROOT / "data_contracts", root / "data_contracts")
    (root / "use_cases").mkdir()
    text = (ROOT / "use_cases" / "support_triage.yaml").read_text()
    assert "\nname: support_triage\n" in f"\n{text}"
    assert not re.search(r"cron: null", text)
    for name in [*HUNDRED, "broken"]:
        own = text.replace("\nname: support_triage\n", f"\nname: {name}\n")
        (root / "use_cases" / f"{name}.yaml").write_text(own + ("surprise: 1\n" if name == "broken" else ""))
    return root


def _tasks(shipped: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = [(f"{dag}.{name}", task) for dag, item in shipped["dags"].items() for name, task in item["tasks"].items()]
    assert found
    return found


def test_the_shipped_project_has_no_import_error(shipped: dict[str, Any]) -> None:
    assert shipped["errors"] == {}
    assert {f"{name}__finetune" for name in list_use_cases(ROOT)} <= set(shipped["dags"])


def test_stage_tasks_have_the_edges_of_the_pipeline(shipped: dict[str, Any]) -> None:
    finetune = {name: dag["tasks"] for name, dag in shipped["dags"].items() if name.endswith("__finetune")}
    assert finetune
    for name, tasks in finetune.items():
        edges = {(task, after) for task in STAGE_NAMES for after in tasks[task]["downstream"] if after in STAGE_NAMES}
        assert edges == {(before, stage.name) for stage in STAGES for before in stage.inputs}, name
        assert {tasks[stage]["kind"] for stage in STAGE_NAMES} == {"StageOperator"}


def test_every_pool_is_shipped_and_the_gpu_pool_counts_deferred_tasks(shipped: dict[str, Any]) -> None:
    pools = json.loads((ROOT / "deploy" / "pools.json").read_text())
    used = {task["pool"] for _, task in _tasks(shipped)}
    assert "gpu" in used
    assert used <= {*pools, "default_pool"}
    assert pools["gpu"]["include_deferred"] is True
    for name, task in _tasks(shipped):
        wants_gpu = task["kind"] == "StageOperator" and any(s.gpu and name.endswith(f".{s.name}") for s in STAGES)
        expected = ("gpu", "gpu") if wants_gpu else ("default_pool", "data")
        assert (task["pool"], task["queue"]) == expected, name


def test_every_dag_says_what_it_does_and_whose_it_is(shipped: dict[str, Any]) -> None:
    for name, dag in shipped["dags"].items():
        assert dag["doc"], name
        assert dag["description"], name
        assert "mlops" in dag["tags"], name
    for name, task in _tasks(shipped):
        assert task["doc"], name
        assert task["owner"] not in ("", "airflow"), name


def test_no_approval_has_a_default_answer(shipped: dict[str, Any]) -> None:
    approvals = [task for _, task in _tasks(shipped) if task["kind"] == "ReleaseApproval"]
    assert approvals
    assert [task["defaults"] for task in approvals] == [None] * len(approvals)
    assert {tuple(task["options"]) for task in approvals} == {("Approve", "Reject")}


def test_parsing_imports_nothing_heavy(shipped: dict[str, Any]) -> None:
    assert shipped["heavy"] == []


def test_a_broken_use_case_among_a_hundred_costs_only_its_own_dags(hundred: Path, tmp_path: Path) -> None:
    found = _parsed(tmp_path, hundred)
    made = {f"{name}__{kind}" for name in HUNDRED for kind in ("finetune", "monitor", "schedule")}
    assert len(made) == 300
    assert {dag for dag in found["dags"] if not dag.startswith("mlops__")} == made
    assert list(found["errors"]) == ["broken_use_cases.py"]
    assert re.search(r"use_cases/broken\.yaml:\d+: USECASE-003 unknown key surprise", found["errors"].popitem()[1])


def test_a_task_reads_only_its_own_use_case(hundred: Path, tmp_path: Path) -> None:
    found = _parsed(tmp_path, hundred, "dags/use_cases.py", "case_7__finetune")
    assert set(found["dags"]) == {"case_7__finetune", "case_7__monitor", "case_7__schedule"}
    assert [name for name in found["read"] if name in {*HUNDRED, "broken"}] == ["case_7"]
