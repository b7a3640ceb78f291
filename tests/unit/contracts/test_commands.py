"""``mlops contract lint`` as a person runs it, and the section of the use case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydantic
import pytest
from typer.testing import CliRunner

from mlops.contracts.config import ContractsSection
from mlops.contracts.rule_table import sections
from mlops.governance.commands import app
from tests.unit.contracts.conftest import POLICY

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = "- {name: records, properties: [{name: record_id, logicalType: string, classification: internal}]}\n"
RETENTION = "slaProperties:\n- {id: keep, property: retention, value: 2, unit: y}\n"


def test_lint_of_a_good_file(write_contract: Callable[..., Path]) -> None:
    timed = SCHEMA.replace("}]", "}, {name: at, logicalType: date, classification: internal}]")
    policy = RETENTION.replace("}", ", element: records.at}") + POLICY
    result = CliRunner().invoke(app, ["lint", str(write_contract(timed, policy=policy))])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 contract file(s), 0 error(s), 0 warning(s)" in result.stderr


def test_a_warning_is_printed_and_does_not_fail(write_contract: Callable[..., Path]) -> None:
    path = write_contract(SCHEMA)
    result = CliRunner().invoke(app, ["lint", str(path)])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{path}:1: CONTRACT-054 warning: no retention is declared — ")
    assert "0 error(s), 1 warning(s)" in result.stderr


def test_lint_prints_every_finding_of_every_file_on_a_line(write_contract: Callable[..., Path], tmp_path: Path) -> None:
    bad = write_contract(SCHEMA.replace("logicalType: string", "logicalType: strng, clasification: x"))
    broken = tmp_path / "another.odcs.yaml"
    broken.write_text("a: 1\na: 2\na: 3\n")
    result = CliRunner().invoke(app, ["lint", str(tmp_path)])
    lines = result.stdout.splitlines()
    assert result.exit_code == 20
    assert [line.split(" ")[:2] for line in lines] == [
        [f"{broken}:2:", "CONTRACT-003"],
        [f"{broken}:3:", "CONTRACT-003"],
        [f"{bad}:8:", "CONTRACT-005"],
        [f"{bad}:8:", "CONTRACT-005"],
    ]
    assert all(" — " in line for line in lines)
    assert any("clasification" in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", "the name and the id of this contract stand in"),
        ("name: things", "name: others", "the id of this contract stand in"),
        ("id: urn:dc:test:things", "id: urn:dc:test:others", "the name of this contract stand in"),
    ],
    ids=["both", "id", "name"],
)
def test_two_files_of_a_folder_are_two_contracts(
    old: str, new: str, said: str, write_contract: Callable[..., Path], tmp_path: Path
) -> None:
    first, second = write_contract(SCHEMA), tmp_path / "zz.odcs.yaml"
    second.write_text(first.read_text().replace(old, new, 1))
    result = CliRunner().invoke(app, ["lint", str(tmp_path)])
    assert result.exit_code == 20
    told = [line for line in result.stdout.splitlines() if "CONTRACT-013" in line]
    assert [line.partition(":")[0] for line in told] == [str(first), str(second)]
    assert said.replace("stand in", f"stand in {second.name}") in told[0]
    assert "2 error(s)" in result.stderr


def test_the_same_contract_in_two_folders_is_a_copy(write_contract: Callable[..., Path], tmp_path: Path) -> None:
    first, second = write_contract(SCHEMA), tmp_path / "copies" / "things.odcs.yaml"
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    result = CliRunner().invoke(app, ["lint", str(tmp_path), str(second.parent), str(first)])
    assert result.exit_code == 0, result.stdout


@pytest.mark.parametrize("missing", ["folder", "file"])
def test_lint_of_nothing_is_a_finding(missing: str, tmp_path: Path) -> None:
    path = tmp_path if missing == "folder" else tmp_path / "absent.odcs.yaml"
    result = CliRunner().invoke(app, ["lint", str(path)])
    assert result.exit_code == 20
    assert result.stdout.startswith(f"{path}: CONTRACT-0")


@pytest.mark.parametrize("path", ["/etc/x.yaml", "../x.yaml", "a/../../x.yaml", "", "x.json"])
def test_section_takes_paths_inside_the_root_only(path: str) -> None:
    good = "data_contracts/x.odcs.yaml"
    assert ContractsSection(source=good, training_set=good).source == good
    with pytest.raises(pydantic.ValidationError):
        ContractsSection(source=good, training_set=path)


def test_the_page_of_rules_is_as_the_code_says() -> None:
    result = CliRunner().invoke(app, ["rules", "--markdown"])
    assert (ROOT / "docs" / "contract-rules.md").read_text(encoding="utf-8") == result.stdout


def test_rules_lists_each_code_once() -> None:
    codes = [row.code for section in sections() for row in section.rows]
    assert len(codes) == len(set(codes))
    lines = CliRunner().invoke(app, ["rules"]).stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == codes
