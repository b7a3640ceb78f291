"""A real Airflow on loopback for the tests of this folder: scheduler, dag-processor, api-server and triggerer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_airflow import local_airflow
from tests.airflow.live import LiveAirflow
from tests.end_to_end.tracer import plant
from tests.small_project import USE_CASE, build_project

_SECONDS = 900.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of the folder also pays for Airflow's start and the first training."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_SECONDS))


ASKED = """\
approval: {required: always, quorum: 2}"""
LAPSING = """\
approval: {required: always, response_timeout_hours: 0.001}"""
REFUSED = """\
approval: {required: always}"""


def _variant(name: str, approval: str = "approval: {required: never}", cron: str = "null") -> str:
    text = USE_CASE.replace("name: small\nowner", f"name: {name}\nowner")
    text = text.replace("approval: {required: never}", approval)
    # Each trains anew, because manifests hold the use case's name: as little as its gate can pass with.
    text = text.replace("max_steps: 24", "max_steps: 8").replace("max_examples: 60", "max_examples: 30")
    return text.replace("schedule: {cron: null}", f"schedule: {{cron: {json.dumps(cron) if cron != 'null' else cron}}}")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAirflow]:
    """A running Airflow over a small project with several use cases over one source."""
    root = build_project(tmp_path_factory.mktemp("airflow-project"))
    plant(root / "data" / "desk.jsonl")
    variants = {
        "asked": _variant("asked", ASKED),
        "lapsing": _variant("lapsing", LAPSING),
        "refused": _variant("refused", REFUSED),
        "daily": _variant("daily", cron="0 3 * * *"),
    }
    for name, text in variants.items():
        (root / "use_cases" / f"{name}.yaml").write_text(text)
    (root / "use_cases" / "broken.yaml").write_text(_variant("broken").replace("epochs", "epoch") + "surprise: 1\n")
    more = {
        "MLOPS_THREADS": "1",
        "MLOPS_HEARTBEAT_SECONDS": "0.5",
        "MLOPS_WORKSPACE": str(root / "workspace"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    }
    home = root / ".airflow"
    instance = local_airflow.start(root, home, more=more)
    try:
        yield LiveAirflow(root, instance, more)
    finally:
        local_airflow.stop(instance)


@pytest.fixture(scope="session")
def trained(airflow: LiveAirflow) -> str:
    """A finished run of ``small__finetune``: its DAG run. What it sealed, later runs of the session find."""
    name = airflow.trigger("small__finetune")
    assert airflow.wait("small__finetune", name, 500) == "success", airflow.failures("small__finetune", name)
    return name


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Where dags/ and plugins/ lie."""
    return Path(__file__).resolve().parents[2]
