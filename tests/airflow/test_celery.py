"""Two machines under CeleryExecutor, PostgreSQL and Redis: one is lost while it trains, the other finishes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops.artifacts import store_path
from mlops_airflow.local_airflow import marked
from mlops_airflow.run_ids import run_of
from tests.airflow.celery_cluster import CeleryAirflow, Worker, can_have_own_host, running_cluster
from tests.airflow.live import eventually
from tests.small_project import USE_CASE, artifacts, build_project, command, environment, mlops

pytestmark = [pytest.mark.full, pytest.mark.postgres, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def celery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CeleryAirflow]:
    """Airflow over a small project, without a worker yet."""
    root = build_project(tmp_path_factory.mktemp("celery-project"))
    for name in ("lost", "apart", "replaced"):
        _declare(root, name)
    with running_cluster(root, tmp_path_factory.mktemp("celery") / "home") as cluster:
        yield cluster


def _declare(root: Path, name: str) -> None:
    """A use case of its own, so that nothing of it is in the store; its training is long enough to be struck."""
    text = USE_CASE.replace("name: small\nowner", f"name: {name}\nowner").replace("max_steps: 24", "max_steps: 60")
    (root / "use_cases" / f"{name}.yaml").write_text(text)


@contextmanager
def _plain_run(folder: Path, name: str) -> Iterator[Callable[[], dict[str, str]]]:
    """``mlops run`` of the same project elsewhere, begun at once; gives a function that waits for its artifacts."""
    root = build_project(folder)
    _declare(root, name)
    told = root / "told.jsonl"
    with told.open("wb") as output:
        process = subprocess.Popen(
            command("run", name, "--json"), env=environment(root), cwd=root, stdout=output, stderr=subprocess.STDOUT
        )

    def found() -> dict[str, str]:
        assert process.wait(300) == 0, told.read_text()
        return artifacts(json.loads(told.read_text().splitlines()[-1]))

    try:
        yield found
    finally:
        process.terminate()
        process.wait()


def _training(workers: list[Worker], run: str) -> tuple[Worker, list[Worker]]:
    """The worker that trains, once it makes steps, and the others."""
    here = eventually("training makes steps", lambda: [worker for worker in workers if worker.steps(run)], 300)
    return here[0], [worker for worker in workers if worker is not here[0]]


def _ended(celery: CeleryAirflow, dag: str, name: str) -> None:
    assert celery.wait(dag, name, 400) == "success", celery.failures(dag, name)
    for kind in ("registered", "promoted"):
        assert len(celery.events(dag, name, kind)) == 1, kind
    trained = [event.stage for event in celery.events(dag, name, "stage_done") if event.stage == "train"]
    assert trained == ["train"]


def _verifies(celery: CeleryAirflow, dag: str, name: str, workspace: Path) -> None:
    (registered,) = celery.events(dag, name, "registered")
    more = {**celery.shared, "MLOPS_WORKSPACE": str(workspace)}
    done = mlops(celery.root, "verify", registered.body["release"], more=more)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("own_host", [False, True], ids=["one_host", "a_host_each"])
def test_the_other_worker_finishes_what_a_lost_one_trained(
    celery: CeleryAirflow, own_host: bool, tmp_path: Path
) -> None:
    if own_host and not can_have_own_host():
        pytest.skip("this user may not give a process a host name of its own (unshare --uts --pid)")
    dag = "apart__finetune" if own_host else "lost__finetune"
    with celery.workers("one", "two", own_host=own_host) as both:
        name = celery.trigger(dag)
        lost, (other,) = _training(both, run_of(dag, name))
        lost.lose()
        with _plain_run(tmp_path / "plain", dag.removesuffix("__finetune")) as plain:
            _ended(celery, dag, name)
            found = celery.artifacts(dag, name)
            assert found == plain()
        eventually("what the lost one had taken was handed out again", lambda: not celery.unfinished_messages(), 180)
        assert store_path(other.workspace / "store", found["train"]).is_dir()
        begun = [event for event in celery.events(dag, name, "stage_started") if event.stage == "train"]
        assert len(begun) == 2
        assert celery.events(dag, name, "stage_failed") == []
        # Whether a process of this host is dead can be seen; of another host only its lease's end tells.
        assert ("LEDGER-020" in celery.log(dag, name, "train", 2)) == own_host
        _verifies(celery, dag, name, other.workspace)


def test_a_worker_is_replaced_while_it_trains(celery: CeleryAirflow, tmp_path: Path) -> None:
    dag = "replaced__finetune"
    with celery.workers("one", shipped=True) as (one,):
        name = celery.trigger(dag)
        _training([one], run_of(dag, name))
        with celery.workers("two") as (two,), _plain_run(tmp_path / "plain", "replaced") as plain:
            one.terminate()
            eventually("the worker ends, its stage with it", lambda: not marked(one.mark), 120)
            assert list((one.workspace / "checkpoints").glob("*/checkpoint-*/manifest.json"))
            _ended(celery, dag, name)
            assert celery.artifacts(dag, name) == plain()
            failed = [(event.stage, event.body["code"]) for event in celery.events(dag, name, "stage_failed")]
            assert failed == [("train", "TRAIN-001")]
            _verifies(celery, dag, name, two.workspace)
    with celery.workers("three"):
        celery.clear(dag, name, "verify")
        assert celery.wait(dag, name) == "success", celery.failures(dag, name)
