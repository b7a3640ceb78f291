"""One finished project, with planted values in its source, shared by all tests; who changes it gets a copy."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops.artifacts import verify
from mlops.ledger.chain import verify_chain
from mlops.ledger.events import events
from mlops.ledger.store import Ledger, open_ledger
from mlops.registry.state import champion
from mlops.registry.verification import VerifyReport, verify_release
from tests.end_to_end.tracer import plant
from tests.small_project import artifacts, build_project, mlops

SOURCE = Path("data") / "desk.jsonl"
QUIET = {"MLOPS_WANDB": "false"}
"""Settings of runs that do not look at W&B's files, which take seconds to write."""


def places(root: Path) -> dict[str, str]:
    """A home and a temporary folder inside of the project, so that whatever a library leaves there is seen."""
    for name in ("home", "tmp"):
        (root / name).mkdir(exist_ok=True)
    return {"HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "TRITON_CACHE_DIR": str(root / "tmp" / "triton")}


@dataclass(frozen=True)
class Project:
    """A project folder, the result of its first run, and what that run printed."""

    root: Path
    first: dict[str, Any]
    said: str

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def store(self) -> Path:
        return self.workspace / "store"

    @property
    def release(self) -> str:
        return str(self.first["release"])

    @property
    def digests(self) -> dict[str, str]:
        return artifacts(self.first)

    def artifact(self, stage: str) -> Path:
        """The sealed folder that a stage of the first run made."""
        name = self.digests[stage].removeprefix("sha256:")
        return self.store / name[:2] / name

    def call(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one ``mlops`` command to its end."""
        return mlops(self.root, *arguments, more={**QUIET, **places(self.root), **more})

    def run(self, **more: str) -> dict[str, Any]:
        """``mlops run small --json``: its result."""
        return result_of(self.call("run", "small", "--json", **more))

    def edit(self, old: str, new: str, file: str = "use_cases/small.yaml") -> None:
        """Change one place of a declaration."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{text.count(old)} times in {file}: {old}"
        path.write_text(text.replace(old, new))

    def copy_to(self, place: Path) -> Project:
        """The same project elsewhere: nothing in a workspace names its own place."""
        shutil.copytree(self.root, place, symlinks=True)
        return Project(place, self.first, self.said)

    def ledger(self) -> Ledger:
        return open_ledger(f"sqlite:///{self.workspace}/ledger.db", create=False)

    def champion(self) -> str | None:
        return champion(events(self.ledger()), "small")

    def verified(self) -> VerifyReport:
        """The answer of ``mlops verify`` for the first run's release."""
        trusted = self.workspace / "keys" / "trusted"
        return verify_release(self.workspace, self.release, root=self.root, trusted=trusted, ledger=self.ledger())

    def assert_whole(self) -> None:
        """Nothing half-written, nothing lost: store, workspace, ledger, and the champion of the first run."""
        for bucket in self.store.iterdir():
            for folder in bucket.iterdir():
                verify(folder, f"sha256:{folder.name}")
        assert not list(self.workspace.glob("runs/*/*/*/output"))
        hidden = [path for path in self.workspace.rglob(".*") if path.name != ".lock"]
        assert not hidden, hidden
        assert not verify_chain(events(self.ledger()))
        assert self.champion() == self.release


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The last object that ``mlops run --json`` printed."""
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["event"] == "run", done.stdout + done.stderr
    assert found["code"] == done.returncode
    return found


def hits(result: dict[str, Any]) -> dict[str, bool]:
    """Stage to whether it was taken from the store."""
    return {item["stage"]: item["hit"] for item in result["stages"]}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first run, with W&B. Nobody may change it."""
    root = build_project(tmp_path_factory.mktemp("finished"))
    plant(root / SOURCE)
    done = mlops(root, "run", "small", "--json", more=places(root))
    return Project(root, result_of(done), done.stdout + done.stderr)


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project for one test."""
    return finished.copy_to(tmp_path / "project")


@pytest.fixture(scope="module")
def shared(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished project for the tests of one file that leave its files as they found them."""
    return finished.copy_to(tmp_path_factory.mktemp("shared") / "project")


@pytest.fixture
def damaged(shared: Project, tmp_path: Path) -> Iterator[Project]:
    """The shared copy, whose declarations, contracts, base model and data are put back after the test."""
    names = ("use_cases", "data_contracts", "base_models", "data")
    for name in names:
        shutil.copytree(shared.root / name, tmp_path / name)
    yield shared
    for name in names:
        shutil.rmtree(shared.root / name, ignore_errors=True)
        shutil.move(tmp_path / name, shared.root / name)
