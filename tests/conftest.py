"""What every test shares: places, a clean workspace, a database, and the proof that nothing phones home."""

from __future__ import annotations

import os
import runpy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.tally import TALLY
from tests.postgres import new_database

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT / "tests" / "offline"


def pytest_configure(config: pytest.Config) -> None:
    """Put the network guard into this process and, through PYTHONPATH, into every Python a test starts.

    Parallel workers write into the log of the process that started them, which judges it.
    """
    if not _is_worker(config):
        descriptor, log = tempfile.mkstemp(prefix="mlops-offline-", suffix=".log")
        os.close(descriptor)
        os.environ["MLOPS_OFFLINE_LOG"] = log
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != str(OFFLINE)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(OFFLINE), str(ROOT), str(ROOT / "plugins"), *others])
    runpy.run_path(str(OFFLINE / "sitecustomize.py"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A session in which anything tried to reach another machine has failed, whatever its tests say."""
    if _attempts() and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if _is_worker(session.config):
        session.config.workeroutput["faults"] = {kind: dict(row) for kind, row in TALLY.rows.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Parallel workers take whole files, and an expensive folder as one."""
    from tests.parallel import FolderScheduling

    return FolderScheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A parallel worker has ended: its figures are the session's."""
    for kind, figures in getattr(node, "workeroutput", {}).get("faults", {}).items():
        TALLY.count(kind, **figures)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    attempts = _attempts()
    if attempts:
        terminalreporter.section("attempts to reach another machine", red=True)
        for line in attempts:
            terminalreporter.line(line)
    if TALLY.rows:
        terminalreporter.section("fault campaign")
        for line in TALLY.lines():
            terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        Path(os.environ["MLOPS_OFFLINE_LOG"]).unlink(missing_ok=True)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


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
    with new_database() as url:
        yield url
