"""dvc.yaml says what mlops/pipeline.py says: stages, edges, sections, pins, and what DVC must not keep."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.pipeline import STAGE_NAMES, STAGES, Stage

USE_CASE = "support_triage"
FOLDER = f"workspace/repro/{USE_CASE}/"


@pytest.fixture(scope="module")
def declared(project_root: Path) -> dict[str, Any]:
    """What DVC itself reads out of dvc.yaml: the resolved stages of one use case."""
    from dvc.repo import Repo

    before = os.environ.get("DVC_SITE_CACHE_DIR")
    os.environ["DVC_SITE_CACHE_DIR"] = str(project_root / "workspace" / "dvc" / "site")
    try:
        with Repo(str(project_root)) as repository:
            return {stage.name: stage for stage in repository.index.stages if hasattr(stage, "name")}
    finally:
        os.environ.pop("DVC_SITE_CACHE_DIR")
        if before is not None:
            os.environ["DVC_SITE_CACHE_DIR"] = before


def _inputs(stage: Any) -> set[str]:
    return {dep.def_path.removeprefix(FOLDER) for dep in stage.deps if dep.def_path.startswith(FOLDER)} - {"run.json"}


def test_every_shipped_use_case_has_every_stage(declared: dict[str, Any], project_root: Path) -> None:
    shipped = {path.stem for path in (project_root / "use_cases").glob("*.yaml")}
    assert set(declared) == {f"{stage}@{use_case}" for stage in STAGE_NAMES for use_case in shipped}


@pytest.mark.parametrize("stage", STAGES, ids=STAGE_NAMES)
def test_edges_outputs_and_what_is_always_run_are_those_of_the_pipeline(declared: dict[str, Any], stage: Stage) -> None:
    found = declared[f"{stage.name}@{USE_CASE}"]
    assert _inputs(found) == set(stage.inputs)
    [out] = found.outs
    assert out.def_path == FOLDER + stage.name
    assert out.use_cache == (stage.remote == "clean"), "DVC keeps no copy of unmasked rows"
    assert found.always_changed == (not stage.keyed)
    assert f"mlops stage {stage.name} --use-case {USE_CASE}" in found.cmd
    assert f"--into {FOLDER}{stage.name}" in found.cmd


@pytest.mark.parametrize("stage", STAGES, ids=STAGE_NAMES)
def test_a_stage_depends_on_its_own_sections_and_pins(declared: dict[str, Any], stage: Stage) -> None:
    found = declared[f"{stage.name}@{USE_CASE}"]
    params = {dep.def_path: set(dep.params) for dep in found.params}
    assert params.pop(f"use_cases/{USE_CASE}.yaml") == set(stage.sections)
    pins = params.pop(f"{FOLDER}run.json", set())
    assert pins == {f"pins.{pin}" for pin in stage.pins}
    assert params == {}
    code = {dep.def_path for dep in found.deps if not dep.def_path.startswith((FOLDER, "use_cases/"))}
    assert code == {"mlops", "requirements/cpu.lock", "requirements/cuda.lock"}


def test_the_checkout_sends_nothing_to_dvcs_makers(project_root: Path) -> None:
    text = (project_root / ".dvc" / "config").read_text()
    assert "analytics = false" in text
    assert "check_update = false" in text
    assert yaml.safe_load((project_root / "dvc.yaml").read_text())["vars"]
