"""Purposes, legal bases, regions and roles; what counts as checked; what has to be gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.contract import load_contract
from mlops.contracts.policy import Use, outlived, refusals, unproven

SCHEMA = "- {name: records, properties: [{name: record_id, logicalType: string}]}\n"
ALLOWED = Use("fine-tuning", "gdpr-6-1-f", "EU", "ml-engineer")


@pytest.mark.parametrize(
    ("change", "clauses"),
    [
        ({}, []),
        ({"purpose": "resale"}, ["mlops.prohibitedPurposes", "mlops.permittedPurposes"]),
        ({"purpose": "pretraining"}, ["mlops.permittedPurposes"]),
        ({"legal_basis": "gdpr-6-1-a"}, ["mlops.legalBasis"]),
        ({"region": "US"}, ["mlops.residency"]),
        ({"region": "eu"}, ["mlops.residency"]),
        ({"role": "intern"}, ["roles"]),
        (
            {"purpose": "", "legal_basis": "", "region": "", "role": ""},
            ["mlops.permittedPurposes", "mlops.legalBasis", "mlops.residency", "roles"],
        ),
    ],
    ids=[
        "allowed",
        "prohibited",
        "not permitted",
        "other ground",
        "elsewhere",
        "as written",
        "no such role",
        "nothing",
    ],
)
def test_each_refusal_names_its_clause(
    change: dict[str, str], clauses: list[str], write_contract: Callable[..., Path]
) -> None:
    found = refusals(load_contract(write_contract(SCHEMA)), replace(ALLOWED, **change))
    assert [reason.clause for reason in found] == clauses
    assert all("things 1.2.3" in str(reason) for reason in found)


@pytest.mark.parametrize("spelled", ["Fine-Tuning", "FINE-TUNING", "'fine-tuning '"])
def test_no_spelling_escapes_a_prohibition(spelled: str, write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    path.write_text(path.read_text().replace("[resale]", f"[{spelled}]"))
    assert [reason.clause for reason in refusals(load_contract(path), ALLOWED)] == ["mlops.prohibitedPurposes"]


@pytest.mark.parametrize("status", ["draft", "retired", "deprecated"])
def test_only_an_active_contract_permits(status: str, write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    path.write_text(path.read_text().replace("status: active", f"status: {status}"))
    assert [reason.clause for reason in refusals(load_contract(path), ALLOWED)] == ["status"]


def test_a_role_whose_access_is_none_is_not_granted(write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    text = path.read_text()
    assert "role: ml-engineer, access: read" in text
    path.write_text(text.replace("role: ml-engineer, access: read", "role: ml-engineer, access: none"))
    assert [reason.clause for reason in refusals(load_contract(path), ALLOWED)] == ["roles"]


def test_a_contract_without_roles_grants_access_to_nobody(write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    head, roles = path.read_text().split("roles:\n")
    path.write_text(head + roles.split("\n", 1)[1])
    assert [reason.clause for reason in refusals(load_contract(path), ALLOWED)] == ["roles"]


def _checked(digest: str, outcome: str = "done") -> dict[str, Any]:
    contract = {"name": "things", "version": "1.2.3", "digest": digest}
    return {"outcome": outcome, "figures": {"contract": contract}}


def test_only_a_passing_check_against_the_same_text_proves(write_contract: Callable[..., Path]) -> None:
    contract = load_contract(write_contract(SCHEMA))
    assert unproven(contract, "the data", _checked(contract.digest)) == ()
    for nothing in (None, {"outcome": "done", "figures": {}}, _checked(contract.digest, "blocked")):
        (reason,) = unproven(contract, "the data", nothing)
        assert reason.clause == "quality"
    (reason,) = unproven(contract, "the data", _checked("sha256:" + "0" * 64))
    assert reason.clause == "version"


@pytest.mark.parametrize(("on", "late"), [("2027-03-01", False), ("2027-03-02", True)], ids=["last day", "day after"])
def test_data_past_its_retention_is_refused(on: str, late: bool, write_contract: Callable[..., Path]) -> None:
    contract = load_contract(write_contract(SCHEMA))
    kept: dict[str, dict[str, Any]] = {
        "sla_keep": {"until": "2027-03-01", "undated": 0},
        "sla_other": {"until": None, "undated": 3},
    }
    found = outlived(contract, "the data", kept, date.fromisoformat(on))
    assert [reason.clause for reason in found] == (["slaProperties.sla_keep"] if late else [])
