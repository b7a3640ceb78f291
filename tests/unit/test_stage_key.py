"""The key sees every edit that can change a stage's output, and no other."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.pipeline import STAGES, stage_named
from mlops.stage_key import DISTRIBUTIONS, import_closure, key_of, key_parts, versions

_PRINT_KEYS = """
import json
from mlops.pipeline import STAGES
from mlops.stage_key import code_digest, import_closure
print(json.dumps({stage.name: code_digest(import_closure(stage.module)[0]) for stage in STAGES}))
"""


@pytest.fixture
def copy_of_package(tmp_path: Path, project_root: Path) -> Path:
    target = tmp_path / "mlops"
    shutil.copytree(project_root / "mlops", target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def _code_digests(package: Path) -> dict[str, str]:
    command = [sys.executable, "-P", "-c", _PRINT_KEYS]
    environment = {"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("edited", "missing_stages"),
    [
        ("privacy/validators.py", {"mask", "evaluate"}),
        ("monitoring/drift.py", set()),
        ("telemetry/exporter.py", set()),
        ("registry/signing.py", set()),
        ("stage_runner.py", set()),
        ("contracts/policy.py", set()),  # asked before the stage, hit or not
        ("contracts/verdict.py", {"validate", "curate"}),
        ("training/checkpoints.py", {"train"}),
        ("statistics/paired.py", {"gate"}),
        ("artifacts.py", {stage.name for stage in STAGES} - {"ingest"}),
    ],
)
def test_an_edit_misses_where_it_matters_and_hits_elsewhere(
    copy_of_package: Path, edited: str, missing_stages: set[str]
) -> None:
    before = _code_digests(copy_of_package)
    with (copy_of_package / edited).open("a") as source:
        source.write("\n# an edit\n")
    after = _code_digests(copy_of_package)
    changed = {stage for stage, digest in before.items() if after[stage] != digest}
    assert missing_stages <= changed
    if not missing_stages:
        assert changed == set()
    if edited == "training/checkpoints.py":
        assert changed == {"train"}


def test_a_data_file_beside_the_code_counts(copy_of_package: Path) -> None:
    before = _code_digests(copy_of_package)
    (copy_of_package / "privacy" / "names.txt").write_text("a table\n")
    after = _code_digests(copy_of_package)
    assert after["mask"] != before["mask"]
    assert after["ingest"] == before["ingest"]


def test_every_part_moves_the_key() -> None:
    stage = stage_named("mask")
    one = key_of(key_parts(stage, {"validate": "sha256:a"}, {}, {"privacy": {"profile": "gdpr"}}))
    assert one == key_of(key_parts(stage, {"validate": "sha256:a"}, {}, {"privacy": {"profile": "gdpr"}}))
    assert one != key_of(key_parts(stage, {"validate": "sha256:b"}, {}, {"privacy": {"profile": "gdpr"}}))
    assert one != key_of(key_parts(stage, {"validate": "sha256:a"}, {}, {"privacy": {"profile": "pci"}}))
    assert one != key_of(key_parts(stage, {"validate": "sha256:a"}, {"p": 1}, {"privacy": {"profile": "gdpr"}}))


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
def test_every_third_party_import_has_a_version(stage: object) -> None:
    """A package that a stage can reach must be a locked distribution, found under its own name or in the table."""
    reached = import_closure(stage.module)[1]  # type: ignore[attr-defined]
    absent = [name for name, version in versions(reached).items() if version == "absent"]
    assert absent == []
    real = importlib.metadata.packages_distributions()
    for package in reached:
        assert DISTRIBUTIONS.get(package, package).lower().replace("_", "-") in {
            name.lower().replace("_", "-") for name in real[package]
        }


def test_training_reaches_its_heavy_libraries_though_they_are_imported_inside_functions() -> None:
    assert {"torch", "transformers", "peft", "bitsandbytes", "trl"} <= set(import_closure("mlops.stages.train")[1])


def test_masking_does_not_reach_training() -> None:
    own, others = import_closure("mlops.stages.mask")
    assert not [name for name in own if name.startswith(("mlops.training", "mlops.models", "mlops.registry"))]
    assert "torch" not in others
