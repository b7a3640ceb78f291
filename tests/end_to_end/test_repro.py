"""`dvc repro` in a checkout: the same digests as `mlops run`, and nothing twice. Then another machine goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.artifacts import verify
from mlops.ledger.events import events
from mlops.ledger.store import Ledger, open_ledger
from mlops.pipeline import STAGE_NAMES, STAGES
from mlops.release_actions import verify_here
from mlops.settings import Settings
from tests.end_to_end.checkout import dvc, make_checkout
from tests.end_to_end.conftest import QUIET, Project
from tests.small_project import mlops


@dataclass(frozen=True)
class Reproduced:
    """A checkout after `dvc repro` with both remotes."""

    root: Path
    said: str

    @property
    def remotes(self) -> dict[str, str]:
        return {name: str(self.root.parent / name.lower()) for name in ("MLOPS_REMOTE_RAW", "MLOPS_REMOTE_CLEAN")}

    def ledger(self) -> Ledger:
        return open_ledger(f"sqlite:///{self.root}/workspace/ledger.db", create=False)

    def lock(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.root / "dvc.lock").read_text())["stages"]
        return found


@pytest.fixture(scope="module")
def reproduced(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """The finished project's sources in a checkout with an empty workspace, after `dvc repro`. Nobody may change it."""
    root = tmp_path_factory.mktemp("repro") / "checkout"
    places = shutil.ignore_patterns("workspace", "home", "tmp")
    shutil.copytree(finished.root, root, ignore=places)
    made = Reproduced(make_checkout(root), "")
    done = dvc(root, "repro", **made.remotes)
    assert done.returncode == 0, done.stdout + done.stderr
    return Reproduced(root, done.stdout)


def test_dvc_repro_makes_what_mlops_run_makes(finished: Project, reproduced: Reproduced) -> None:
    for stage in STAGE_NAMES:
        assert f"Running stage '{stage}@small'" in reproduced.said
        verify(reproduced.root / "workspace" / "repro" / "small" / stage, finished.digests[stage])


def test_dvc_and_the_remotes_know_an_output_under_one_digest(reproduced: Reproduced) -> None:
    outs = {name.partition("@")[0]: stage["outs"][0]["md5"] for name, stage in reproduced.lock().items()}
    pushed = {event.stage: event.body for event in events(reproduced.ledger(), kinds=["artifact_pushed"])}
    assert set(pushed) == set(STAGE_NAMES)
    for stage in STAGES:
        assert pushed[stage.name]["remote"] == stage.remote
        same = pushed[stage.name]["dvc"]["artifact"] == outs[stage.name]
        assert same == (stage.remote == "clean"), "what is encrypted has another digest"


def test_neither_dvcs_cache_nor_the_raw_remote_holds_an_unmasked_row(reproduced: Reproduced) -> None:
    """Parquet shards begin with PAR1: none of them is where only ciphertext or masked rows may be."""
    mask = {event.body["artifact"] for event in events(reproduced.ledger(), kinds=["stage_done"])}
    assert mask
    raw = [path for path in Path(reproduced.remotes["MLOPS_REMOTE_RAW"]).rglob("*") if path.is_file()]
    assert raw
    assert not [path for path in raw if path.read_bytes()[:4] == b"PAR1" or path.read_bytes()[:1] == b"{"]
    outs = {stage.remote: reproduced.lock()[f"{stage.name}@small"]["outs"][0] for stage in STAGES[:3]}
    cache = {path.parent.name + path.name for path in (reproduced.root / "workspace" / "dvc" / "cache").rglob("*")}
    assert outs["clean"]["md5"] in cache
    assert outs["raw"]["md5"] not in cache


def test_a_second_dvc_repro_reads_the_source_again_and_runs_nothing_else(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    root = tmp_path / "checkout"
    shutil.copytree(reproduced.root, root, symlinks=True)
    done = dvc(root, "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    ran = [stage for stage in STAGE_NAMES if f"Running stage '{stage}@small'" in done.stdout]
    assert ran == ["ingest"], done.stdout
    # Only register reads that section: what DVC skips is taken from the store first, so that the run is whole.
    ledger = open_ledger(f"sqlite:///{root}/workspace/ledger.db", create=False)
    before = len(events(ledger))
    text = (root / "use_cases" / "small.yaml").read_text()
    (root / "use_cases" / "small.yaml").write_text(text.replace("intended_use: tests", "intended_use: more tests"))
    done = dvc(root, "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [stage for stage in STAGE_NAMES if f"Running stage '{stage}@small'" in done.stdout] == ["ingest", "register"]
    made = {e.stage: e.body["hit"] for e in events(ledger, kinds=["stage_done"], after=before)}
    assert made == {stage: stage not in ("ingest", "register") for stage in STAGE_NAMES}


def test_a_machine_with_an_empty_workspace_goes_on_from_ledger_and_remotes(
    reproduced: Reproduced, tmp_path: Path
) -> None:
    root = tmp_path / "elsewhere"
    shutil.copytree(reproduced.root, root, ignore=shutil.ignore_patterns("workspace", ".dvc"))
    (root / "workspace").mkdir()
    shutil.copyfile(reproduced.root / "workspace" / "ledger.db", root / "workspace" / "ledger.db")
    run = json.loads((reproduced.root / "workspace" / "repro" / "small" / "run.json").read_text())["run"]
    registered = events(reproduced.ledger(), kinds=["registered"])[0].body["release"]
    clean = {**QUIET, "MLOPS_REMOTE_CLEAN": reproduced.remotes["MLOPS_REMOTE_CLEAN"]}

    def stage(name: str, **more: str) -> tuple[int, dict[str, Any]]:
        done = mlops(root, "stage", name, "--use-case", "small", "--run", run, "--json", more={**clean, **more})
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    # The trainer may read the clean remote only.
    code, last = stage("train")
    assert (code, last["hit"]) == (0, True)
    code, last = stage("gate")
    assert (code, last["hit"]) == (0, True)
    assert not list((root / "workspace").rglob("raw*"))
    # What needs unmasked rows says which setting is missing, and does not run without them.
    done = mlops(root, "registry", "promote", registered, more=clean)
    assert done.returncode == 20
    assert "MLOPS_REMOTE_RAW" in done.stderr
    whole = {
        **QUIET,
        **reproduced.remotes,
        "MLOPS_RAW_KEY": str(reproduced.root / "workspace" / "keys" / "raw.key"),
    }
    done = mlops(root, "registry", "promote", registered, more=whole)
    assert done.returncode == 0, done.stderr
    done = mlops(root, "verify", registered, more=whole)
    assert done.returncode == 0, done.stdout
    said = json.loads(mlops(root, "data", "status", run, "--json", more=whole).stdout)["artifacts"]
    assert [(row["stage"], row["remote"], row["here"]) for row in said] == [
        (stage.name, stage.remote, "yes") for stage in STAGES
    ]
    assert all(row["pushed"] for row in said)


def test_a_release_verifies_on_a_machine_that_has_nothing_of_it(reproduced: Reproduced, tmp_path: Path) -> None:
    ledger = reproduced.ledger()
    keys = reproduced.root / "workspace" / "keys"
    settings = Settings(
        root=reproduced.root,
        workspace=tmp_path / "empty",
        remote_raw=reproduced.remotes["MLOPS_REMOTE_RAW"],
        remote_clean=reproduced.remotes["MLOPS_REMOTE_CLEAN"],
        raw_key=keys / "raw.key",
        signing_key=keys / "signing.pem",
        trusted_keys=keys / "trusted",
    )
    (registered,) = events(ledger, kinds=["registered"])
    report = verify_here(settings, ledger, registered.body["release"])
    assert report.ok, [check for check in report.checks if not check.ok]


def test_a_stage_needs_a_run_and_one_only(reproduced: Reproduced, tmp_path: Path) -> None:
    def code(*arguments: str) -> tuple[int, str]:
        done = mlops(reproduced.root, "stage", *arguments, "--use-case", "small")
        return done.returncode, done.stderr

    assert code("mask")[0] == 2
    assert code("mask", "--run", "x", "--run-file", "y")[0] == 2
    ended, said = code("mask", "--run-file", str(tmp_path / "none.json"))
    assert ended == 20
    assert "RUN-007" in said
    ended, said = code("mend", "--run-file", str(tmp_path / "none.json"))
    assert ended == 20
    assert "STAGE-001" in said


def test_what_nobody_pushed_cannot_be_pulled_and_says_so(reproduced: Reproduced) -> None:
    for what, expected in (("sha256:" + "0" * 64, "REMOTE-013"), ("no-such-run", "RUN-004")):
        done = mlops(reproduced.root, "data", "pull", what)
        assert done.returncode == 20
        assert expected in done.stderr
