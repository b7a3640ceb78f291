"""Small contracts and tables to write tests with."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from mlops.contracts.check import NamedCheck, check
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.report import ContractReport, RuleResult

HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:things
name: things
version: 1.2.3
status: active
"""
POLICY = """\
roles:
- {role: ml-engineer, access: read, firstLevelApprovers: data-owner}
customProperties:
- {property: mlops.legalBasis, value: gdpr-6-1-f}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.prohibitedPurposes, value: [resale]}
- {property: mlops.residency, value: [EU]}
"""


def record_id(number: int) -> str:
    return f"{number:016x}"


@pytest.fixture
def write_contract(tmp_path: Path) -> Callable[..., Path]:
    """Writes a contract from the YAML of its ``schema`` list; ``head`` and ``policy`` replace the usual ones."""

    def write(schema: str, *, head: str = HEAD, policy: str = POLICY) -> Path:
        path = tmp_path / "things.odcs.yaml"
        path.write_text(f"{head}schema:\n{textwrap.dedent(schema)}{policy}", encoding="utf-8")
        return path

    return write


@pytest.fixture
def one_column(write_contract: Callable[..., Path]) -> Callable[..., Contract]:
    """A contract with the object ``records`` of ``record_id`` and one more property, given as flow-style YAML."""

    def build(column: str, *, rules: str = "[]", quarantine: float = 0.0) -> Contract:
        schema = f"""\
        - name: records
          quality: {rules}
          properties:
          - {{name: record_id, logicalType: string, required: true}}
          - {column}
        """
        policy = f"{POLICY}- {{property: mlops.maxQuarantineShare, value: {quarantine}}}\n"
        return load_contract(write_contract(schema, policy=policy))

    return build


@pytest.fixture
def table_of() -> Callable[..., dict[str, pa.Table]]:
    """The object ``records`` with ids 0, 1, 2 … and one column ``value``."""

    def build(values: list[object], kind: pa.DataType | None = None) -> dict[str, pa.Table]:
        ids = pa.array([record_id(number) for number in range(len(values))], pa.string())
        return {"records": pa.table({"record_id": ids, "value": pa.array(values, kind or pa.string())})}

    return build


@pytest.fixture
def run_rule() -> Callable[..., tuple[RuleResult, ContractReport]]:
    """Checks, and picks one rule by its id."""

    def run(
        contract: Contract,
        tables: Mapping[str, pa.Table],
        rule: str,
        named_checks: Mapping[str, NamedCheck] | None = None,
    ) -> tuple[RuleResult, ContractReport]:
        report = check(contract, tables, named_checks)
        return next(result for result in report.rules if result.id == rule), report

    return run
