"""The champion's file: a plain `dvc pull` brings the adapter, and a commit holds that one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.artifacts import Artifact, verify
from mlops.ledger.events import append
from mlops.registry.champion_file import follow_champion, write_champion_file
from mlops.registry.errors import RegistryError
from tests.end_to_end.checkout import dvc, git
from tests.machine import Place


@pytest.fixture
def here(tmp_path: Path) -> Place:
    place = Place(tmp_path / "checkout", tmp_path, commit_champions=True)
    git(place.settings.root, "init", "--quiet")
    for name, value in (("user.name", "author"), ("user.email", "author@example.org"), ("commit.gpgsign", "false")):
        git(place.settings.root, "config", name, value)
    return place


def promote(place: Place, release: str, adapter: Artifact) -> None:
    approval = {"roles": [], "required": "never", "quorum": 1}
    body = {"release": release, "dossier": "sha256:d", "verdict": "PASS", "owner": "team", "approval": approval}
    body |= {"champion": None, "adapter": adapter.digest}
    append(place.ledger, "registered", body, use_case="desk", run="run-1", stage="register")
    append(place.ledger, "promoted", {"release": release, "previous": None}, use_case="desk")


def test_a_plain_dvc_pull_in_a_fresh_repository_brings_the_champions_adapter(here: Place, tmp_path: Path) -> None:
    adapter = here.make("train", b"weights")
    here.push(adapter)
    promote(here, "desk-1", adapter)
    written = write_champion_file(here.settings, here.ledger, "desk", commit=False)
    assert (written.release, written.committed) == ("desk-1", False)
    fresh = tmp_path / "fresh"
    (fresh / "champions").mkdir(parents=True)
    (fresh / "champions" / "desk.dvc").write_bytes(written.path.read_bytes())
    assert dvc(fresh, "init", "--no-scm").returncode == 0
    assert dvc(fresh, "remote", "add", "clean", str(tmp_path / "clean")).returncode == 0
    done = dvc(fresh, "pull", "champions/desk.dvc")
    assert done.returncode == 0, done.stderr
    verify(fresh / "champions" / "desk", adapter.digest)


def test_a_commit_holds_the_champions_file_and_nothing_else(here: Place) -> None:
    root = here.settings.root
    (root / "other.txt").write_text("somebody's work\n")
    (root / "staged.txt").write_text("somebody's work\n")
    git(root, "add", "staged.txt")
    for number in (1, 2):
        adapter = here.make("train", b"weights" * number)
        here.push(adapter)
        promote(here, f"desk-{number}", adapter)
        assert write_champion_file(here.settings, here.ledger, "desk", commit=True).committed
        assert git(root, "show", "--format=%s", "--name-only", "HEAD").split("\n\n") == [
            f"Champion of desk: desk-{number}",
            "champions/desk.dvc\n",
        ]
    assert not write_champion_file(here.settings, here.ledger, "desk", commit=True).committed, "nothing new"
    assert git(root, "status", "--porcelain", "other.txt", "staged.txt") == "A  staged.txt\n?? other.txt\n"


def test_no_champion_no_push_and_no_git_are_told(here: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RegistryError, match="REGISTRY-070"):
        write_champion_file(here.settings, here.ledger, "desk", commit=False)
    adapter = here.make("train")
    promote(here, "desk-1", adapter)
    with pytest.raises(RegistryError, match="mlops data push run-1"):
        write_champion_file(here.settings, here.ledger, "desk", commit=False)
    here.push(adapter)
    (here.settings.root / ".git").rename(tmp_path / "no-git")
    with pytest.raises(RegistryError, match="by hand"):
        write_champion_file(here.settings, here.ledger, "desk", commit=True)
    follow_champion(here.settings, here.ledger, "desk")
    assert "REGISTRY-072" in caplog.text
