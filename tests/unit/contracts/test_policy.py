"""Purposes, regions and roles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.contracts.contract import load_contract
from mlops.contracts.policy import refusals

SCHEMA = "- {name: records, properties: [{name: record_id, logicalType: string}]}\n"
ALLOWED = {"purpose": "fine-tuning", "region": "EU", "role": "ml-engineer"}


@pytest.mark.parametrize(
    ("change", "clauses"),
    [
        ({}, []),
        ({"purpose": "resale"}, ["mlops.prohibitedPurposes", "mlops.permittedPurposes"]),
        ({"purpose": "pretraining"}, ["mlops.permittedPurposes"]),
        ({"region": "US"}, ["mlops.residency"]),
        ({"region": "eu"}, ["mlops.residency"]),
        ({"role": "intern"}, ["roles"]),
        ({"purpose": "", "region": "", "role": ""}, ["mlops.permittedPurposes", "mlops.residency", "roles"]),
    ],
    ids=["allowed", "prohibited", "not permitted", "elsewhere", "as written", "no such role", "nothing given"],
)
def test_each_refusal_names_its_clause(
    change: dict[str, str], clauses: list[str], write_contract: Callable[..., Path]
) -> None:
    found = refusals(load_contract(write_contract(SCHEMA)), **{**ALLOWED, **change})
    assert [reason.split(":")[0] for reason in found] == clauses


@pytest.mark.parametrize("status", ["draft", "retired", "deprecated"])
def test_only_an_active_contract_permits(status: str, write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    path.write_text(path.read_text().replace("status: active", f"status: {status}"))
    assert [reason.split(":")[0] for reason in refusals(load_contract(path), **ALLOWED)] == ["status"]


def test_a_contract_without_roles_grants_access_to_nobody(write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    path.write_text(path.read_text().replace("roles:\n- {role: ml-engineer, access: read}\n", ""))
    assert [reason.split(":")[0] for reason in refusals(load_contract(path), **ALLOWED)] == ["roles"]
