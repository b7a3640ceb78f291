"""What every test shares: places, a clean workspace, a database, and the proof that nothing phones home."""

from __future__ import annotations

import os
import runpy
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT / "tests" / "offline"
POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"


def pytest_configure(config: pytest.Config) -> None:
    """Put the network guard into this process and, through PYTHONPATH, into every Python a test starts."""
    descriptor, log = tempfile.mkstemp(prefix="mlops-offline-", suffix=".log")
    os.close(descriptor)
    os.environ["MLOPS_OFFLINE_LOG"] = log
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != str(OFFLINE)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(OFFLINE), str(ROOT), *others])
    runpy.run_path(str(OFFLINE / "sitecustomize.py"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A session in which anything tried to reach another machine has failed, whatever its tests say."""
    if _attempts() and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    attempts = _attempts()
    if attempts:
        terminalreporter.section("attempts to reach another machine", red=True)
        for line in attempts:
            terminalreporter.line(line)


def pytest_unconfigure() -> None:
    Path(os.environ["MLOPS_OFFLINE_LOG"]).unlink(missing_ok=True)


def _attempts() -> list[str]:
    log = Path(os.environ["MLOPS_OFFLINE_LOG"])
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.fixture(autouse=True)
def _no_user_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own MLOPS_* settings decide nothing in a test."""
    for name in [name for name in os.environ if name.startswith("MLOPS_") and name != "MLOPS_OFFLINE_LOG"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout: holds mlops/, use_cases/ and data_contracts/."""
    return ROOT


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace folder of this test."""
    path = tmp_path / "workspace"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets kept outside the checkout: MLOPS_SHARED_DATA, else ``shared/data`` beside the checkout."""
    path = Path(os.environ.get("MLOPS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("no shared data: set MLOPS_SHARED_DATA to a folder that holds them")
    return path


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a new, empty PostgreSQL database, dropped after the test.

    The server is the one at MLOPS_TEST_POSTGRES (a libpq URL of a role that may create databases), else the local one.
    """
    import psycopg

    server = _POSTGRES_SERVER
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(
            "no PostgreSQL server that lets this user in: start one on 127.0.0.1:5432 or set MLOPS_TEST_POSTGRES"
        )
    name = f"mlops_test_{secrets.token_hex(8)}"
    with connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            base, _, _ = server.rpartition("/")
            yield f"{base.replace('postgresql://', 'postgresql+psycopg://', 1)}/{name}"
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


# Read before _no_user_settings hides it.
_POSTGRES_SERVER = os.environ.get("MLOPS_TEST_POSTGRES", POSTGRES)
