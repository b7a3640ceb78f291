"""A use case is one file; what is wrong with it is said with file and line, all at once."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from mlops.cli import app
from mlops.use_case import UseCaseError, json_schema, load_use_case, problems
from mlops.use_case_template import template
from mlops.yaml_source import parse_document


@pytest.fixture
def project(tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the shipped declarations, and nothing of the machine's own settings."""
    for folder in ("use_cases", "data_contracts"):
        shutil.copytree(project_root / folder, tmp_path / folder)
    (tmp_path / "base_models" / "support-base-5m").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _edit(project: Path, pattern: str, replacement: str) -> Path:
    path = project / "use_cases" / "support_triage.yaml"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)
    return path


def test_the_shipped_use_case_and_a_new_one_pass_lint(project: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["use-case", "new", "my_case"])
    assert made.exit_code == 0
    linted = runner.invoke(app, ["use-case", "lint"])
    assert (linted.exit_code, linted.stdout) == (0, "2 use case(s), no findings\n")
    listed = runner.invoke(app, ["use-case", "list", "--json"])
    assert [row["name"] for row in json.loads(listed.stdout)] == ["my_case", "support_triage"]


def test_a_new_use_case_overwrites_nothing(project: Path) -> None:
    before = (project / "use_cases" / "support_triage.yaml").read_bytes()
    refused = CliRunner().invoke(app, ["use-case", "new", "support_triage"])
    assert isinstance(refused.exception, UseCaseError)
    assert (project / "use_cases" / "support_triage.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("pattern", "replacement", "line_has", "code", "says"),
    [
        (r"^owner: .*$", "owner: x\nownr: y", "ownr: y", "USECASE-003", "unknown key ownr"),
        (r"^  max_length: 320$", "  max_length: many", "max_length", "USECASE-005", "valid integer"),
        (r"^  rows: 3000|rows: 3000", "rowz: 3000", "rowz", "USECASE-003", "unknown key"),
        (r"^budget: .*$", "", "name:", "USECASE-004", "budget is missing"),
        (r"^name: .*$", "name: other_name", "name: other_name", "USECASE-002", "differs from the file"),
        (r"^owner: .*$", "owner: x\nowner: y", "owner: y", "USECASE-009", "already given"),
        (r"metric: ticket_exact_match", "metric: accuracy", "metric: accuracy", "USECASE-002", "judged by no gate"),
    ],
    ids=["unknown key", "wrong type", "nested key", "missing", "name", "duplicate", "metric without gate"],
)
def test_errors_carry_file_and_line(
    project: Path, pattern: str, replacement: str, line_has: str, code: str, says: str
) -> None:
    path = _edit(project, pattern, replacement)
    found = problems(parse_document(path))
    assert code in [problem.code for problem in found]
    problem = next(problem for problem in found if problem.code == code)
    assert says in str(problem)
    file, _, line = str(problem.where).rpartition(":")
    assert file == str(path)
    assert line_has in path.read_text().splitlines()[int(line) - 1] or code == "USECASE-004"


def test_all_findings_are_shown_at_once_and_the_exit_code_says_so(project: Path) -> None:
    _edit(project, r"^owner: .*$", "ownr: y")
    _edit(project, r"^  max_length: 320$", "  max_length: many")
    linted = CliRunner().invoke(app, ["use-case", "lint", "support_triage"])
    assert linted.exit_code == 20
    assert len(linted.stdout.splitlines()) == 3  # unknown key, missing key, wrong type


def test_a_contract_that_does_not_exist_is_found_by_lint(project: Path) -> None:
    path = _edit(project, r"source: data_contracts/.*$", "source: data_contracts/absent.odcs.yaml")
    linted = CliRunner().invoke(app, ["use-case", "lint"])
    assert linted.exit_code == 20
    assert re.match(rf"{re.escape(str(path))}:\d+: USECASE-006 .*absent", linted.stdout)


def test_a_missing_use_case_names_the_known_ones(project: Path) -> None:
    with pytest.raises(UseCaseError) as caught:
        load_use_case(project, "nothing")
    assert "support_triage" in str(caught.value)


def test_the_schema_accepts_the_shipped_file_and_refuses_an_unknown_key(project: Path) -> None:
    schema = json_schema()
    data = parse_document(project / "use_cases" / "support_triage.yaml").data
    jsonschema.validate(json.loads(json.dumps(data)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "surprise": 1}, schema)


def test_every_field_of_the_declaration_is_described() -> None:
    def undescribed(node: dict[str, object], at: str) -> list[str]:
        properties = node.get("properties", {})
        assert isinstance(properties, dict)
        return [f"{at}.{name}" for name, value in properties.items() if "description" not in value]

    schema = json_schema()
    sections = {"use case": schema, **schema["$defs"]}
    assert [name for at, node in sections.items() for name in undescribed(node, at)] == []


def test_the_template_explains_itself() -> None:
    text = template("my_case")
    assert text.count("#") > 15
    assert "NAME" not in text
