"""Airflow as in production, on loopback: PostgreSQL, Redis, CeleryExecutor, each part a process of its own.

Each worker has a workspace of its own, empty at first. It shares with others what machines would: the ledger in
PostgreSQL, the remotes raw and clean, the raw key, the signing key and the trusted keys.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlops.ledger.store import Ledger, open_ledger
from mlops.process_identity import boot_id, start_ticks
from mlops_airflow import local_airflow
from mlops_airflow.local_airflow import Instance, free_port, marked
from tests.airflow.live import LiveAirflow, eventually
from tests.postgres import new_database

QUEUES = "data,gpu"
# Read before the tests' settings are hidden (tests/conftest.py).
REDIS = os.environ.get("MLOPS_TEST_REDIS", "redis://127.0.0.1:6379")
HEARTBEAT_TIMEOUT = 20  # seconds without a sign of life after which Airflow gives up a task
LEASE = 90  # seconds that a lease outlives its holder; longer than Airflow takes to try again
REDELIVERY = 60  # seconds after which Redis hands out again what a lost worker had taken

_CHECKOUT = Path(__file__).resolve().parents[2]
_WORKER = "MLOPS_TEST_WORKER"  # in the environment of every process of a worker, stages included
_PARTS = ("scheduler", "dag-processor", "triggerer")
# A host name and process numbers of its own, as on another machine or in another container.
_OWN_HOST = ("unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", 'hostname "$0"; "$@"')


@dataclass(frozen=True)
class Worker:
    """A running Celery worker: its workspace, its log, and its main process."""

    name: str
    workspace: Path
    log: Path
    process: subprocess.Popen[bytes]
    mark: str

    def ready(self) -> bool:
        """Whether it takes tasks."""
        return " ready." in self.log.read_text(errors="replace")

    def steps(self, run: str) -> bool:
        """Whether the training of a run makes steps here."""
        found = (self.workspace / "runs" / run / "train").glob("task-*/*/output.jsonl")
        return any('"progress"' in path.read_text() for path in found)

    def lose(self) -> None:
        """kill -9 of all that runs on it, as when a machine loses power: nothing gets to say a word."""
        limit = time.monotonic() + 30
        while left := marked(self.mark):
            assert time.monotonic() < limit, left
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in left:
                    _signal(pid, number)
            time.sleep(0.05)
        self.process.wait()

    def terminate(self) -> None:
        """SIGTERM to its main process, as a service manager stops it."""
        self.process.terminate()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@dataclass(frozen=True)
class CeleryAirflow(LiveAirflow):
    """A running Airflow with CeleryExecutor, and the workers that a test gives it.

    Attributes:
        settings: the environment of its scheduler; holds what workers share.
        opened: the ledger in PostgreSQL.
    """

    opened: Ledger
    names: list[str] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        """The ledger in PostgreSQL."""
        return self.opened

    @property
    def shared(self) -> dict[str, str]:
        """The settings that every machine has in common."""
        return {name: value for name, value in self.settings.items() if name.startswith("MLOPS_")}

    def unfinished_messages(self) -> int:
        """Messages that workers took from Redis and did not acknowledge; a lost one's are handed out again."""
        import redis

        with redis.Redis.from_url(self.settings["AIRFLOW__CELERY__BROKER_URL"]) as server:
            return int(server.hlen("unacked"))

    @contextmanager
    def workers(self, *names: str, own_host: bool = False, shipped: bool = False) -> Iterator[list[Worker]]:
        """Start workers on empty workspaces, wait until they take tasks, and kill what is left of them afterwards.

        Args:
            own_host: each has a host name and process numbers of its own; needs the right to ``unshare``.
            shipped: start it as the container does, by ``deploy/containers/worker.py``.
        """
        with ExitStack() as stack:
            started = []
            for name in names:
                started.append(self._worker(name, own_host, shipped))
                stack.callback(started[-1].lose)
            for worker in started:
                eventually(f"worker {worker.name} is ready, see {worker.log}", worker.ready, 120)
            yield started

    def _worker(self, name: str, own_host: bool, shipped: bool) -> Worker:
        home = self.instance.home / f"{name}-{len(self.names)}"
        self.names.append(home.name)
        workspace = home / "workspace"
        workspace.mkdir(parents=True)
        without_database = {k: v for k, v in self.settings.items() if k != "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
        environment = {
            **without_database,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "MLOPS_WORKSPACE": str(workspace),
            _WORKER: str(home),
        }
        if shipped:
            command = [sys.executable, str(_CHECKOUT / "deploy" / "containers" / "worker.py"), QUEUES]
        else:
            command = ["airflow", "celery", "worker", "--queues", QUEUES, "--celery-hostname", f"{name}@loopback"]
        log = home / "worker.log"
        process = _started([*_OWN_HOST, name, *command] if own_host else command, environment, log)
        return Worker(name, workspace, log, process, f"{_WORKER}={home}")


def can_have_own_host() -> bool:
    """Whether this user may give a process a host name of its own."""
    if shutil.which(_OWN_HOST[0]) is None:
        return False
    return subprocess.run([*_OWN_HOST, "probe", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def running_cluster(root: Path, home: Path) -> Iterator[CeleryAirflow]:
    """Start everything but workers over a project, and stop all of it, workers and stages included."""
    home.mkdir(parents=True)
    with new_database() as metadata, new_database() as ledger, _empty_redis() as broker:
        ports = free_port(), free_port(), free_port()
        environment = local_airflow.environment(root, home, *ports, _settings(home, metadata, ledger, broker))
        subprocess.run(
            ["airflow", "db", "migrate"], env=environment, cwd=root, check=True, capture_output=True, timeout=120
        )
        server = _started(["airflow", "api-server"], environment, home / "airflow.log")
        instance = Instance(home, *ports, server.pid, start_ticks(server.pid) or 0, boot_id())
        try:
            for part in _PARTS:
                _started(["airflow", part], environment, home / f"{part}.log")
            local_airflow.wait_healthy(instance)
            local_airflow.ensure_pools(instance)
            opened = open_ledger(ledger)
            yield CeleryAirflow(root, instance, environment, opened)
            opened.engine.dispose()
        finally:
            local_airflow.stop(instance)


@contextmanager
def _empty_redis() -> Iterator[str]:
    """URL of an empty database of the Redis server, emptied afterwards; skips the test when no server answers."""
    import redis

    try:
        for number in range(15, 0, -1):
            with redis.Redis.from_url(f"{REDIS}/{number}", socket_connect_timeout=3) as server:
                if server.dbsize() == 0:
                    break
        else:
            pytest.skip(f"no empty database at {REDIS}: empty one of 1 to 15")
    except redis.RedisError:
        pytest.skip("no Redis server that answers: start one on 127.0.0.1:6379 or set MLOPS_TEST_REDIS")
    try:
        yield f"{REDIS}/{number}"
    finally:
        with redis.Redis.from_url(f"{REDIS}/{number}") as server:
            server.flushdb()


def _settings(home: Path, metadata: str, ledger: str, broker: str) -> dict[str, str]:
    """What makes it an Airflow of several machines, and what our stages share on them."""
    database = metadata.replace("+psycopg://", "+psycopg2://", 1)
    return {
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(REDELIVERY),
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__OPERATORS__DEFAULT_QUEUE": "data",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT),
        "MLOPS_LEDGER_URL": ledger,
        "MLOPS_REMOTE_RAW": str(home / "remotes" / "raw"),
        "MLOPS_REMOTE_CLEAN": str(home / "remotes" / "clean"),
        "MLOPS_RAW_KEY": str(home / "keys" / "raw.key"),
        "MLOPS_SIGNING_KEY": str(home / "keys" / "signing.pem"),
        "MLOPS_TRUSTED_KEYS": str(home / "keys" / "trusted"),
        "MLOPS_THREADS": "1",
        "MLOPS_HEARTBEAT_SECONDS": "0.5",
        "MLOPS_LEASE_SECONDS": str(LEASE),
    }


def _started(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=environment["MLOPS_ROOT"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
