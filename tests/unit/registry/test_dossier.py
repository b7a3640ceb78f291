"""Promise: the dossier holds what the run was pinned to, deterministically, and never a refused candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mlops.artifacts import canonical_json, digest_bytes, digest_file, read_json, store_path, write_atomic
from mlops.registry.config import ApprovalSection, PromotionSection
from mlops.registry.dossier import STAGES, build_dossier, check_release_name, write_dossier
from mlops.registry.errors import RegistryError
from mlops.registry.model_card import model_card

from .conftest import DECLARATION, USE_CASE, Bench, verdict_report


@pytest.fixture
def made(bench: Bench) -> tuple[Bench, Path]:
    return bench, store_path(bench.store, bench.run("run-1"))


def arguments(bench: Bench, dossier: Path) -> dict[str, Any]:
    content = read_json(dossier / "dossier.json")
    return {
        "root": bench.root,
        "use_case_file": bench.root / "use_cases" / f"{USE_CASE}.yaml",
        "use_case_digest": content["use_case"]["digest"],
        "base_model": content["base_model"]["path"],
        "base_model_digest": content["base_model"]["digest"],
        "contracts": {path: contract["digest"] for path, contract in content["contracts"].items()},
        "approvals": {path: contract["approval"] for path, contract in content["contracts"].items()},
        "inputs": {stage: store_path(bench.store, facts["digest"]) for stage, facts in content["artifacts"].items()},
        "approval": ApprovalSection(),
    }


def test_it_carries_the_use_case_and_the_contracts(made: tuple[Bench, Path]) -> None:
    bench, dossier = made
    content = read_json(dossier / "dossier.json")
    assert (dossier / "use_case.yaml").read_text() == DECLARATION
    assert content["contracts"]["data_contracts/tickets.yaml"] == {
        "id": "urn:tickets",
        "version": "1.2.0",
        "digest": digest_file(bench.root / "data_contracts/tickets.yaml"),
        "file": "contracts/data_contracts--tickets.yaml",
        "approval": {
            "path": "data_contracts/approvals/tickets.yaml",
            "digest": digest_file(bench.root / "data_contracts/approvals/tickets.yaml"),
            "required": ["data-protection-officer"],
            "file": "contracts/data_contracts--approvals--tickets.yaml",
        },
    }
    assert digest_file(dossier / "contracts/data_contracts--chat.yaml") == digest_file(
        bench.root / "data_contracts/chat.yaml"
    )
    assert content["gate"]["report"] == verdict_report("PASS")
    assert content["harness"] == digest_bytes(b"harness")
    assert set(content["artifacts"]) == set(STAGES)


def test_the_same_inputs_give_the_same_bytes(made: tuple[Bench, Path], tmp_path: Path) -> None:
    bench, dossier = made
    given = arguments(bench, dossier)
    write_dossier(tmp_path / "again", build_dossier(**given), root=bench.root, use_case_file=given["use_case_file"])
    for name in ("dossier.json", "README.md", "use_case.yaml"):
        assert (tmp_path / "again" / name).read_bytes() == (dossier / name).read_bytes()


@pytest.mark.parametrize("path", [f"use_cases/{USE_CASE}.yaml", "data_contracts/tickets.yaml"])
@pytest.mark.parametrize("change", ["edited", "removed"])
def test_a_file_that_changed_since_it_was_pinned_is_refused(made: tuple[Bench, Path], path: str, change: str) -> None:
    bench, dossier = made
    given = arguments(bench, dossier)
    if change == "edited":
        write_atomic(bench.root / path, (bench.root / path).read_bytes() + b"# edited\n")
    else:
        (bench.root / path).unlink()
    with pytest.raises(RegistryError) as caught:
        build_dossier(**given)
    assert caught.value.code == "REGISTRY-012"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_needed(made: tuple[Bench, Path], stage: str) -> None:
    given = arguments(*made)
    del given["inputs"][stage]
    with pytest.raises(RegistryError) as caught:
        build_dossier(**given)
    assert caught.value.code == "REGISTRY-013"
    assert stage in caught.value.message


@pytest.mark.parametrize(
    "report",
    [
        verdict_report("FAIL"),
        {**verdict_report("INCONCLUSIVE"), "next_step": "blocked"},
        {**verdict_report("PASS"), "outcome": "pass"},
        {},
        [],
        None,
    ],
    ids=["fail", "blocked", "misspelt", "empty", "list", "null"],
)
def test_a_refused_candidate_has_no_dossier(made: tuple[Bench, Path], tmp_path: Path, report: object) -> None:
    given = arguments(*made)
    write_atomic(tmp_path / "gate" / "verdict.json", canonical_json(report))
    write_atomic(tmp_path / "gate" / "manifest.json", (given["inputs"]["gate"] / "manifest.json").read_bytes())
    given["inputs"]["gate"] = tmp_path / "gate"
    with pytest.raises(RegistryError) as caught:
        build_dossier(**given)
    assert caught.value.code == "REGISTRY-014"


def test_the_card_has_front_matter_and_the_figures(made: tuple[Bench, Path]) -> None:
    _, dossier = made
    card = (dossier / "README.md").read_text()
    _, front, text = card.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "base_model": "base_models/tiny",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "qlora", USE_CASE],
    }
    for heading in ("Intended use", "Out of scope", "Data", "Masking", "Evaluation", "Limits", "How to verify"):
        assert f"\n## {heading}\n" in text
    assert "| ticket_exact_match | floor | critical | PASS | 0.91 | [0.883, 0.9321] | 0.8 | 400 | 0.05 |" in text
    assert "| by_type.email | 7 |" in text
    assert "triage of tickets" in text


def test_declared_text_cannot_break_the_card(made: tuple[Bench, Path]) -> None:
    _, dossier = made
    card = (dossier / "README.md").read_text()
    assert "Reads a ticket \\| writes one JSON line." in card
    assert "&lt;b>credit&lt;/b> decisions" in card
    declared = {**yaml.safe_load(DECLARATION), "description": "one\n\n## Evaluation\n\nall fine"}
    assert "\n## Evaluation\n\nall fine" not in model_card(read_json(dossier / "dossier.json"), declared)


def test_an_inconclusive_card_says_so(bench: Bench) -> None:
    dossier = store_path(bench.store, bench.run("run-1", verdict="INCONCLUSIVE"))
    card = (dossier / "README.md").read_text()
    assert "**INCONCLUSIVE**" in card
    assert "The gate was inconclusive" in card


@pytest.mark.parametrize("name", ["a-0123456789ab", "Support-0123456789ab", "s/../x-0123456789ab", "ab-0123456789ab\n"])
def test_names_that_are_no_release_are_refused(name: str) -> None:
    with pytest.raises(RegistryError):
        check_release_name(name)


@pytest.mark.parametrize(
    "values",
    [
        {"quorum": 0},
        {"quorum": 3},
        {"required": "sometimes"},
        {"roles": ["a", "a"]},
        {"roles": [""]},
        {"response_timeout_hours": 0},
        {"approver": "x"},
    ],
)
def test_a_wrong_approval_section_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ApprovalSection.model_validate(values)


@pytest.mark.parametrize("alias", ["", "Champion", "a b", "-x", "x" * 40])
def test_a_wrong_alias_is_refused(alias: str) -> None:
    with pytest.raises(ValidationError):
        PromotionSection(alias=alias)
