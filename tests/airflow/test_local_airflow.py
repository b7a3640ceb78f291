"""`make demo`, `make up` and `make down`: what they refuse, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.process_identity import boot_id
from mlops_airflow import local_airflow
from mlops_airflow.local_airflow import Instance, LocalAirflowError
from tests.airflow.live import eventually
from tests.small_project import build_project, environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project of its own, whose training lasts longer than any of these tests."""
    root = build_project(tmp_path / "project")
    use_case = root / "use_cases" / "small.yaml"
    use_case.write_text(use_case.read_text().replace("max_steps: 24", "max_steps: 5000"))
    return root


@pytest.fixture
def demo(project: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo under way."""
    process = _demo(project)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(90)


def _demo(project: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mlops_airflow.demo", "demo", "--use-case", "small", *more]
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _marked(home: Path) -> list[int]:
    """Live processes of an instance, stages included."""
    gone = Instance(home, 0, 0, 0, 0, 0, "")
    return local_airflow.left(gone)


def test_a_second_demo_is_refused_and_ctrl_c_leaves_nothing(demo: subprocess.Popen[str], project: Path) -> None:
    home = project / ".airflow" / "demo"
    stage = project / "workspace" / "runs"
    eventually("a stage runs", lambda: list(stage.glob("*/ingest/task-*/1/process.json")), 120)
    second = _demo(project)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 20
    assert f"AIRFLOW-010 another demo is under way (process {demo.pid})" in said

    demo.send_signal(signal.SIGINT)
    assert demo.wait(120) == 1
    assert demo.stdout is not None
    assert "nothing of it runs any more" in demo.stdout.read()
    assert _marked(home) == []
    assert not (home / "instance.json").exists()


def test_a_port_that_is_taken_is_named(project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalAirflowError, match=f"AIRFLOW-011 port {port} is taken by another program"):
            local_airflow.start(project, project / ".airflow" / "up", port)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="half written"),
        pytest.param(
            json.dumps(
                {
                    "home": "x",
                    "port": 1,
                    "worker_log_port": 2,
                    "trigger_log_port": 3,
                    "pid": os.getpid(),
                    "start_ticks": 1,
                    "boot": boot_id(),
                }
            ).encode(),
            id="its pid is another process now",
        ),
    ],
)
def test_what_a_dead_instance_left_does_not_count(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "instance.json").write_bytes(content)
    assert local_airflow.running(tmp_path) is None


def test_no_airflow_setting_of_the_user_reaches_an_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    found = local_airflow.environment(tmp_path, tmp_path / "home", 1, 2, 3, {})
    assert "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in found
    assert found["AIRFLOW_HOME"] == str(tmp_path / "home")
    assert (tmp_path / "home" / "jwt_secret").stat().st_mode & 0o077 == 0


def test_a_process_that_renames_itself_is_found_too(tmp_path: Path) -> None:
    rename = "import setproctitle, time; setproctitle.setproctitle('airflow worker -- ' + 'x' * 40); time.sleep(60)"
    settings = local_airflow.environment(tmp_path, tmp_path, 1, 2, 3, {})
    process = subprocess.Popen([sys.executable, "-c", rename], env=settings)
    try:
        title = Path(f"/proc/{process.pid}/cmdline")
        eventually("it has its new name", lambda: title.read_bytes().startswith(b"airflow worker"), 30)
        assert _marked(tmp_path) == [process.pid]
    finally:
        process.kill()
        process.wait()
