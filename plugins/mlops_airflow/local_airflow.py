"""A complete Airflow on this machine: scheduler, dag-processor, api-server, triggerer; SQLite, LocalExecutor, loopback.

Everything it writes lies in its home. For development and demonstration: accounts are Airflow's SimpleAuthManager's.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops.artifacts import canonical_json, write_atomic
from mlops.errors import MlopsError, RetryableError
from mlops.process_identity import boot_id, start_ticks
from mlops_airflow.rest import Rest, RestError, RestUnreachableError, log_in

AUTHOR, APPROVER, SECOND_APPROVER = "author", "approver", "second"
USERS = f"{AUTHOR}:admin,{APPROVER}:op,{SECOND_APPROVER}:op,viewer:viewer"
_CHECKOUT = Path(__file__).resolve().parents[2]
_INSTANCE, _LOCK, _LOG = "instance.json", "instance.lock", "airflow.log"
_PASSWORDS = "simple_auth_manager_passwords.json.generated"
_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
_MARK = "MLOPS_AIRFLOW_INSTANCE"  # in the environment of every process of an instance, stages included
_START_SECONDS = 240.0
_STOP_SECONDS = 60.0


class LocalAirflowError(MlopsError):
    """The local Airflow cannot be started or used as asked."""


class LocalAirflowFailedError(RetryableError):
    """The local Airflow did not come up, or died."""


@dataclass(frozen=True)
class Instance:
    """A running local Airflow.

    Attributes:
        home: AIRFLOW_HOME.
        port: of the api-server, which serves the UI.
        worker_log_port, trigger_log_port: of Airflow's own log servers, which listen on all interfaces.
        pid, start_ticks, boot: the ``airflow standalone`` process.
    """

    home: Path
    port: int
    worker_log_port: int
    trigger_log_port: int
    pid: int
    start_ticks: int
    boot: str

    @property
    def url(self) -> str:
        """Address of the UI and the REST API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What all its processes print."""
        return self.home / _LOG

    def password(self, user: str) -> str:
        """The generated password of an account."""
        return str(json.loads((self.home / _PASSWORDS).read_text())[user])

    def session(self, user: str) -> Rest:
        """A REST session of an account."""
        return log_in(self.url, user, self.password(user))


@contextmanager
def only_one(home: Path, what: str) -> Iterator[None]:
    """Hold a home for as long as the block runs; the lock ends with the process that holds it.

    Raises:
        LocalAirflowError: another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise LocalAirflowError(
                "AIRFLOW-010",
                f"another {what} is under way (process {lock.read().strip() or 'unknown'})",
                where=str(home),
                todo="wait for it to end, or stop it with Ctrl-C where it runs",
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def running(home: Path) -> Instance | None:
    """The instance of a home if it is alive; what a dead one left behind (a stale pid) does not count."""
    try:
        fields = json.loads((home / _INSTANCE).read_bytes())
    except (OSError, ValueError):
        return None
    instance = Instance(**{**fields, "home": home})
    return instance if is_alive(instance) else None


def is_alive(instance: Instance) -> bool:
    """Whether its ``airflow standalone`` process runs."""
    return instance.boot == boot_id() and start_ticks(instance.pid) == instance.start_ticks


def environment(
    root: Path, home: Path, port: int, worker_log_port: int, trigger_log_port: int, more: Mapping[str, str]
) -> dict[str, str]:
    """The environment of an instance: Airflow's settings and ours, none of the user's own Airflow."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    work = Path(more.get("MLOPS_WORKSPACE") or inherited.get("MLOPS_WORKSPACE") or root / "workspace").resolve()
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(_CHECKOUT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(_CHECKOUT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(home),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log_port),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "MLOPS_ROOT": str(root),
        "MLOPS_REMOTE_RAW": inherited.get("MLOPS_REMOTE_RAW", str(work / "remotes" / "raw")),
        "MLOPS_REMOTE_CLEAN": inherited.get("MLOPS_REMOTE_CLEAN", str(work / "remotes" / "clean")),
        _MARK: str(home),
        "SPT_NOENV": "1",  # a process that renames itself would overwrite its mark
        "DO_NOT_TRACK": "1",
        **more,
    }


def _secret(home: Path) -> str:
    """The key that signs this home's tokens; made once, readable by its owner only."""
    path = home / "jwt_secret"
    if not path.exists():
        write_atomic(path, secrets.token_hex(64).encode())
    return path.read_text()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def require_free(port: int) -> None:
    """Check that nobody listens on a port.

    Raises:
        LocalAirflowError: somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise LocalAirflowError(
                "AIRFLOW-011",
                f"port {port} is taken by another program",
                where="127.0.0.1",
                todo="choose another: make up PORT=8181",
            ) from None


def start(
    root: Path, home: Path, port: int | None = None, more: Mapping[str, str] | None = None, wait: bool = True
) -> Instance:
    """Start Airflow in ``home`` and wait until all of its parts are healthy.

    Args:
        root: the project: holds use_cases/ and data_contracts/.
        port: of the UI; a free one by default. The log servers always get free ports.
        more: settings on top.

    Raises:
        LocalAirflowError: the port is taken.
        LocalAirflowFailedError: it did not become healthy in four minutes; nothing of it is left running.
    """
    if port is None:
        port = free_port()
    require_free(port)
    home.mkdir(parents=True, exist_ok=True)
    for stale in home.glob("*.pid"):
        stale.unlink()
    worker_log_port, trigger_log_port = free_port(), free_port()
    settings = environment(root, home, port, worker_log_port, trigger_log_port, more or {})
    with (home / _LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env=settings,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell's background job ignores Ctrl-C, and a child inherits that; it is how we ask it to stop.
            preexec_fn=_default_interrupt,
        )
    instance = Instance(
        home, port, worker_log_port, trigger_log_port, process.pid, start_ticks(process.pid) or 0, boot_id()
    )
    write_atomic(home / _INSTANCE, canonical_json({**asdict(instance), "home": str(home)}))
    try:
        if wait:
            wait_healthy(instance)
            ensure_pools(instance)
    except BaseException:
        stop(instance)
        raise
    return instance


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_healthy(instance: Instance, tell: Callable[[str], None] | None = None) -> None:
    """Wait until every part of Airflow says that it is healthy.

    Raises:
        LocalAirflowFailedError: it died, or is not healthy after four minutes.
    """
    limit = time.monotonic() + _START_SECONDS
    while time.monotonic() < limit:
        if not is_alive(instance):
            raise LocalAirflowFailedError(
                "AIRFLOW-012", "Airflow ended while it started", where=str(instance.log), todo="read the end of its log"
            )
        states = _health(instance)
        if tell is not None:
            tell(", ".join(name for name, state in states.items() if state == "healthy") or "starting")
        if all(states.get(part) == "healthy" for part in _PARTS):
            return
        time.sleep(0.5)
    raise LocalAirflowFailedError(
        "AIRFLOW-013",
        f"Airflow is not healthy after {_START_SECONDS:.0f} s",
        where=str(instance.log),
        todo="read the end of its log, then try again",
    )


def require_healthy(instance: Instance) -> None:
    """Check that no part of a running instance has died.

    Raises:
        LocalAirflowFailedError: one has; names it.
    """
    states = _health(instance) if is_alive(instance) else {}
    dead = [part for part in _PARTS if states.get(part) != "healthy"]
    if dead:
        raise LocalAirflowFailedError(
            "AIRFLOW-014",
            f"a part of Airflow died: {', '.join(dead)}",
            where=str(instance.log),
            todo="run again: finished stages come from the store, and a training goes on from its checkpoint",
        )


def _health(instance: Instance) -> dict[str, str]:
    try:
        found = Rest(instance.url).call("GET", "/monitor/health")
    except (RestError, RestUnreachableError):
        return {}
    return {name: str(part["status"]) for name, part in found.items() if part["status"] is not None}


def ensure_pools(instance: Instance) -> None:
    """Create the pool ``gpu`` with one slot, deferred tasks included, where it does not exist."""
    admin = instance.session(AUTHOR)
    names = {pool["name"] for pool in admin.get("/pools", limit=100)["pools"]}
    if "gpu" not in names:
        body = {"name": "gpu", "slots": 1, "include_deferred": True, "description": "training and evaluation"}
        admin.post("/pools", body)


def stop(instance: Instance) -> None:
    """End what runs, then Airflow: DAG runs are failed first, so that their stages stop and save what they have."""
    if is_alive(instance):
        _end_runs(instance)
        _interrupt(instance)
    _sweep(instance)
    (instance.home / _INSTANCE).unlink(missing_ok=True)


def _end_runs(instance: Instance) -> None:
    try:
        admin = instance.session(AUTHOR)
        path = "/dags/~/dagRuns"
        live = [*admin.get(path, state="running")["dag_runs"], *admin.get(path, state="queued")["dag_runs"]]
        for run in live:
            admin.patch(f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})
    except (MlopsError, OSError, ValueError, KeyError):
        return  # it is half dead; what follows ends it anyway
    limit = time.monotonic() + 30
    while _tasks(instance) and time.monotonic() < limit:
        time.sleep(0.2)


def _tasks(instance: Instance) -> list[str]:
    """Titles of the processes that carry out a task. They hear of its end from the api-server, so while one lives the
    api-server must: without it they would try again for a minute."""
    titles = [_title(pid) for pid in left(instance)]
    return [title for title in titles if title.startswith("airflow worker -- ") and not title.endswith("<idle>")]


def _title(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _interrupt(instance: Instance) -> None:
    """SIGINT to the standalone process alone: it ends its parts itself; SIGTERM would orphan them."""
    try:
        os.kill(instance.pid, signal.SIGINT)
    except ProcessLookupError:
        return
    limit = time.monotonic() + _STOP_SECONDS
    while is_alive(instance) and time.monotonic() < limit:
        time.sleep(0.1)


def _sweep(instance: Instance) -> None:
    """End what is left of the instance, also stages that outlived their tasks; they may save a checkpoint first."""
    for number, seconds in ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)):
        for pid in left(instance):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        limit = time.monotonic() + seconds
        while left(instance) and time.monotonic() < limit:
            time.sleep(0.1)


def left(instance: Instance) -> list[int]:
    """Live processes of an instance: Airflow's and the stages that its tasks started."""
    return marked(f"{_MARK}={instance.home}")


def marked(variable: str) -> list[int]:
    """Live processes, this one left out, that were started with ``NAME=VALUE`` in their environment."""
    mark = variable.encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            has_it = mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if has_it and pid != os.getpid() and start_ticks(pid) is not None:
            found.append(pid)
    return found


def fresh_dag_run_id(prefix: str) -> str:
    """A DAG run's name that sorts by time."""
    return f"{prefix}__{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}_{secrets.token_hex(3)}"
