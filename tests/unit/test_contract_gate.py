"""What contracts say before a run and before each stage that uses their data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops.contract_gate import require_permitted
from mlops.contracts.approvals import record_path
from mlops.contracts.contract import load_contract
from mlops.errors import MlopsError
from mlops.ledger.events import append, events
from mlops.pipeline import stage_named
from mlops.policy_refusals import PurposeError
from mlops.runs import Run, RunError, start_run
from mlops.stages.pinned_contracts import PinError
from tests.watched_project import Watched

SOURCE = "data_contracts/support_conversations.odcs.yaml"
TRAINING = "data_contracts/support_training_set.odcs.yaml"


def _begin(project: Watched, **options: Any) -> Run:
    return start_run(project.settings, project.declaration, project.ledger, "run-1", **options)


def _ask(project: Watched, run: Run, stage: str) -> None:
    require_permitted(project.settings, project.declaration, project.ledger, run, stage_named(stage))


def _refused(project: Watched) -> list[str]:
    """The clauses of the one recorded refusal."""
    (event,) = events(project.ledger, kinds=["policy_refused"])
    return [reason["clause"] for reason in event.body["reasons"]]


def _check(project: Watched, run: Run, stage: str, path: str, **change: Any) -> None:
    contract = load_contract(project.settings.root / path)
    facts = {"name": contract.name, "version": contract.version, "digest": contract.digest}
    figures = {"contract": facts, "retention": {"sla_retention": {"until": None, "undated": 0}}}
    body = {"artifact": "a", "outcome": "done", "figures": figures}
    project.append("stage_done", {**body, **change}, run.id, stage=stage)


def _withdraw(project: Watched) -> Path:
    file = record_path(load_contract(project.settings.root / TRAINING))
    file.unlink()
    return file


def test_the_shipped_contracts_permit_their_use(small: Watched) -> None:
    run = _begin(small)
    assert run.pins["unapproved"] is False
    assert set(run.pins["approvals"]) == {SOURCE, TRAINING}
    _ask(small, run, "validate")
    _check(small, run, "validate", SOURCE)
    _ask(small, run, "curate")
    _check(small, run, "curate", TRAINING)
    _ask(small, run, "train")
    assert events(small.ledger, kinds=["policy_refused"]) == []


def test_no_run_begins_under_a_contract_that_nobody_approved(small: Watched) -> None:
    _withdraw(small)
    with pytest.raises(
        PurposeError, match=r"was approved by nobody — have it reviewed: mlops contract approve"
    ) as error:
        _begin(small)
    assert error.value.exit_code == 20
    assert _refused(small) == ["approvals"]
    assert events(small.ledger, kinds=["run_started"]) == []


def test_development_may_go_on_without_and_the_run_says_so(small: Watched) -> None:
    _withdraw(small)
    with pytest.raises(RunError, match="RUN-006"):
        _begin(small, unapproved=True)
    small.settings = small.settings.model_copy(update={"development": True})
    run = _begin(small, unapproved=True)
    assert run.pins["unapproved"] is True
    assert set(run.pins["approvals"]) == {SOURCE}
    _ask(small, run, "validate")
    small.settings = small.settings.model_copy(update={"development": False})
    _ask(small, run, "validate")  # the source contract is approved
    with pytest.raises(PurposeError, match="was approved by nobody"):
        _ask(small, run, "curate")


def test_an_approval_withdrawn_in_mid_run_stops_the_next_stage(small: Watched) -> None:
    run = _begin(small)
    _check(small, run, "validate", SOURCE)
    _withdraw(small)
    with pytest.raises(PurposeError):
        _ask(small, run, "curate")
    assert _refused(small) == ["approvals"]


def test_a_contract_edited_in_mid_run_stops_the_next_stage(small: Watched) -> None:
    run = _begin(small)
    file = small.settings.root / SOURCE
    file.write_text(file.read_text() + "# a remark\n")
    with pytest.raises(PinError, match="PURPOSE-002"):
        _ask(small, run, "validate")


def _no_check(project: Watched, run: Run) -> None:
    """Nothing was checked."""


def _blocked(project: Watched, run: Run) -> None:
    _check(project, run, "validate", SOURCE, outcome="blocked")


def _other_text(project: Watched, run: Run) -> None:
    other = {"contract": {"name": "support-conversations", "version": "0.9.0", "digest": "sha256:00"}, "retention": {}}
    _check(project, run, "validate", SOURCE, figures=other)


def _too_old(project: Watched, run: Run) -> None:
    contract = load_contract(project.settings.root / SOURCE)
    facts = {"name": contract.name, "version": contract.version, "digest": contract.digest}
    kept = {"sla_retention": {"until": "2020-01-01", "undated": 0}}
    _check(project, run, "validate", SOURCE, figures={"contract": facts, "retention": kept})


def _not_dated(project: Watched, run: Run) -> None:
    contract = load_contract(project.settings.root / SOURCE)
    facts = {"name": contract.name, "version": contract.version, "digest": contract.digest}
    _check(project, run, "validate", SOURCE, figures={"contract": facts})


@pytest.mark.parametrize(
    ("ready", "clause"),
    [
        (_no_check, "quality"),
        (_blocked, "quality"),
        (_other_text, "version"),
        (_too_old, "slaProperties.sla_retention"),
        (_not_dated, "slaProperties.sla_retention"),
    ],
    ids=[
        "no check",
        "a check that failed",
        "a check against another text",
        "data past its retention",
        "nobody looked how old it is",
    ],
)
def test_data_needs_a_passing_check_against_this_very_version(
    ready: Callable[[Watched, Run], None], clause: str, small: Watched
) -> None:
    run = _begin(small)
    ready(small, run)
    with pytest.raises(PurposeError) as error:
        _ask(small, run, "curate")
    assert clause in str(error.value)
    assert _refused(small) == [clause]


def test_a_contract_that_does_not_declare_what_its_regulations_ask_refuses(small: Watched) -> None:
    file = small.settings.root / SOURCE
    file.write_text(file.read_text().replace("value: [GDPR]", "value: [HIPAA]"))
    small.settings = small.settings.model_copy(update={"development": True})
    run = _begin(small, unapproved=True)
    _check(small, run, "validate", SOURCE)
    with pytest.raises(PurposeError, match="45 CFR 164"):
        _ask(small, run, "curate")
    assert all(clause.startswith("HIPAA-") for clause in _refused(small))


def test_a_column_that_asks_for_masking_needs_a_use_case_that_masks(small: Watched) -> None:
    run = _begin(small)
    _check(small, run, "validate", SOURCE)
    masked = small.declaration
    for change in ({"profile": "secrets_only"}, {"profile": "pci"}, {"residual_tolerance": 1}):
        privacy = masked.use_case.privacy.model_copy(update=change)
        small.declaration = replace(masked, use_case=masked.use_case.model_copy(update={"privacy": privacy}))
        with pytest.raises(PurposeError, match="requires masking of"):
            _ask(small, run, "curate")


def test_a_column_that_asks_for_masking_and_is_not_rewritten_refuses(small: Watched) -> None:
    file = small.settings.root / SOURCE
    text = file.read_text()
    column = "    id: conversation_id\n"
    assert text.count(column) == 1
    file.write_text(
        text.replace(column, f"{column}    customProperties: [{{property: mlops.masking, value: required}}]\n")
    )
    small.settings = small.settings.model_copy(update={"development": True})
    run = _begin(small, unapproved=True)
    _check(small, run, "validate", SOURCE)
    with pytest.raises(PurposeError, match=r"requires masking of records\.conversation_id; masking rewrites"):
        _ask(small, run, "curate")
    assert _refused(small) == ["mlops.masking"]


def test_an_approval_that_the_ledger_knows_cannot_be_lost(small: Watched) -> None:
    old = {"contract": "support-training-set", "version": "1.0.0", "role": "support-data-owner", "approver": "someone"}
    append(small.ledger, "contract_approved", {**old, "digest": "sha256:00"})
    for file in (small.settings.root / "data_contracts" / "approvals").glob("support-training-set@1.0.0*"):
        file.unlink()
    with pytest.raises(PurposeError, match=r"1\.0\.0 lost the approval of support-data-owner"):
        _begin(small)


def test_approvals_are_held_against_the_file_of_approvers(small: Watched) -> None:
    (small.settings.root / "approvers.yaml").write_text("support-data-owner: [somebody-else]\n")
    with pytest.raises(PurposeError, match="does not hold support-data-owner"):
        _begin(small)
    (small.settings.root / "approvers.yaml").write_text("support-data-owner: [Support-Data-Owner-Account]\n")
    assert _begin(small).pins["unapproved"] is False


def test_training_also_needs_the_check_of_the_training_set(small: Watched) -> None:
    run = _begin(small)
    _check(small, run, "validate", SOURCE)
    with pytest.raises(PurposeError, match="the training set has no passing check"):
        _ask(small, run, "train")


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        ({"name": "profiling"}, "mlops.prohibitedPurposes"),
        ({"legal_basis": "gdpr-6-1-a"}, "mlops.legalBasis"),
        ({"region": "US"}, "mlops.residency"),
        ({"role": "guest"}, "roles"),
    ],
    ids=["purpose", "legal basis", "region", "role"],
)
@pytest.mark.parametrize("stage", ["curate", "train"])
def test_each_clause_of_the_use_refuses(change: dict[str, str], clause: str, stage: str, small: Watched) -> None:
    run = _begin(small)
    _check(small, run, "validate", SOURCE)
    _check(small, run, "curate", TRAINING)
    use_case = small.declaration.use_case
    purpose = use_case.purpose.model_copy(update=change)
    small.declaration = replace(small.declaration, use_case=use_case.model_copy(update={"purpose": purpose}))
    with pytest.raises(MlopsError):
        _ask(small, run, stage)
    assert _refused(small).count(clause) == 2, "both contracts refuse"
