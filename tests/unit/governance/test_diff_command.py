"""``mlops contract diff`` as a person or a pipeline runs it, on two files and in a real git repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mlops.contracts.errors import ContractError
from mlops.governance.commands import app
from mlops.ledger.events import append
from mlops.ledger.store import open_ledger
from mlops.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SOURCE = "data_contracts/support_conversations.odcs.yaml"
TRAINING = "data_contracts/support_training_set.odcs.yaml"
IDENTITY = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")

MINOR = ("mustBeGreaterOrEqualTo: 300", "mustBeGreaterOrEqualTo: 400")
GOVERNANCE = ("mlops.residency, value: [EU]", "mlops.residency, value: [EU, US]")

Run = Callable[..., Result]


def edit(path: Path, *replacements: tuple[str, str]) -> Path:
    text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def version(number: str) -> tuple[str, str]:
    return "\nversion: 1.0.0\n", f"\nversion: {number}\n"


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return ended.stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a git repository, with two contracts and a use case committed."""
    root = tmp_path / "repository" / "project"
    (root / "data_contracts").mkdir(parents=True)
    (root / "use_cases").mkdir()
    for name in (SOURCE, TRAINING, "use_cases/support_triage.yaml"):
        shutil.copy(ROOT / name, root / name)
    for name in (SOURCE, TRAINING):
        text = (root / name).read_text(encoding="utf-8")
        (root / name).write_text(re.sub(r"\nversion: .*\n", "\nversion: 1.0.0\n", text), encoding="utf-8")
    git(root.parent, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    monkeypatch.chdir(root)
    monkeypatch.setenv("MLOPS_ROOT", str(root))
    monkeypatch.setenv("COLUMNS", "80")
    return root


@pytest.fixture
def run(project: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(app, ["diff", *map(str, arguments)])


@pytest.fixture
def pair(project: Path) -> Callable[..., tuple[Path, Path]]:
    """The training contract, and a copy with replacements."""

    def _pair(*replacements: tuple[str, str]) -> tuple[Path, Path]:
        new = project / "new.odcs.yaml"
        shutil.copy(project / TRAINING, new)
        return project / TRAINING, edit(new, *replacements)

    return _pair


def test_json_of_two_files_is_exactly_the_documented_object(run: Run, pair: Callable[..., tuple[Path, Path]]) -> None:
    result = run(*pair(MINOR, version("1.1.0")), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "changes": [
            {
                "id": "records.enough_records",
                "path": "schema[records].quality[enough_records].mustBeGreaterOrEqualTo",
                "kind": "bound_tightened",
                "grade": "minor",
                "message": "The rule records.enough_records accepts mustBeGreaterOrEqualTo 400 instead of "
                "mustBeGreaterOrEqualTo 300: data may fail that passed before; re-test the current data.",
            }
        ],
        "required_bump": "minor",
        "actual_bump": "minor",
        "ok": True,
    }


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]], ids=["text", "json", "markdown"])
@pytest.mark.parametrize(("number", "code"), [("1.0.0", 10), ("1.0.1", 10), ("1.1.0", 0), ("2.0.0", 0)])
def test_exit_code_says_whether_the_version_was_raised_far_enough(
    run: Run, pair: Callable[..., tuple[Path, Path]], form: list[str], number: str, code: int
) -> None:
    assert run(*pair(MINOR, version(number)), *form).exit_code == code


def test_the_same_file_twice(run: Run, project: Path) -> None:
    result = run(project / TRAINING, project / TRAINING)
    assert result.exit_code == 0
    assert "nothing changed" in result.stdout


def test_text_fits_eighty_columns_and_names_who_approves_and_what_is_ruled(
    run: Run, pair: Callable[..., tuple[Path, Path]]
) -> None:
    result = run(*pair(MINOR, GOVERNANCE, version("1.1.0")))
    assert result.exit_code == 10
    assert max(map(len, result.stdout.splitlines())) <= 80
    text = " ".join(result.stdout.split())
    for part in (
        "NOT OK: support-training-set 1.0.0 → 1.1.0: 2 changes, a major bump is required; it is only a minor one.",
        "mlops.residency",
        "data-protection-officer (data protection), support-data-owner",
        "support_triage (training set, gate support-triage version 1)",
        "nothing has run yet",
    ):
        assert part in text


def test_blast_radius_in_json_only_when_asked(run: Run, pair: Callable[..., tuple[Path, Path]], project: Path) -> None:
    ledger = open_ledger(Settings(root=project).ledger)
    contract = {"id": "urn:dc:support:support-training-set", "version": "1.0.0"}
    body: dict[str, Any] = {"artifact": "sha256:" + "ab" * 32, "outcome": "done", "figures": {"contract": contract}}
    append(ledger, "stage_done", body, use_case="support_triage", run="r1", stage="curate")
    files = pair(GOVERNANCE)
    assert "blast_radius" not in json.loads(run(*files, "--json").stdout)
    radius = json.loads(run(*files, "--json", "--blast-radius").stdout)["blast_radius"]
    assert radius["has_ledger"]
    assert [use["gate"] for use in radius["use_cases"]] == ["support-triage"]
    assert [each["digest"] for each in radius["datasets"]] == ["sha256:" + "ab" * 32]
    assert radius["releases"] == []
    assert "abababababab (curate of support_triage, 1.0.0, done" in " ".join(run(*files).stdout.split())


def test_outside_a_project_files_are_compared_all_the_same(
    tmp_path: Path, pair: Callable[..., tuple[Path, Path]], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pair(MINOR, version("1.1.0"))
    monkeypatch.delenv("MLOPS_ROOT")
    monkeypatch.chdir(tmp_path)
    result = run(*files)
    assert result.exit_code == 0
    assert "blast radius  not known" in result.stdout


def test_markdown_is_a_table_that_no_contract_can_break_out_of(
    run: Run, pair: Callable[..., tuple[Path, Path]]
) -> None:
    hostile = "'[EU, \"| @team <img src=x> `c` **b** [l](http://x) \\\\\"]'"
    files = pair(("value: [EU]", f"value: {hostile[1:-1]}"), version("2.0.0"))
    result = run(*files, "--markdown")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    row = next(line for line in lines if "residency_added" in line)
    assert row.count("|") == 5
    for part in ("<img", "@team", "`", "**", "[l]", "http://"):
        assert part not in row
    assert lines[0] == "## Data contracts: 1 changed, every version is large enough"
    assert any(line.startswith("**Has to approve:** data-protection-officer (data protection)") for line in lines)
    assert "- use cases: support&#95;triage (training set, gate support-triage version 1)" in lines


def test_git_compares_what_differs_from_the_revision(run: Run, project: Path) -> None:
    edit(project / TRAINING, MINOR, version("1.1.0"))
    result = run("--git", "main", "--json")
    assert result.exit_code == 0
    (found,) = json.loads(result.stdout)
    assert list(found) == ["contract", "old_version", "new_version", "changes", "required_bump", "actual_bump", "ok"]
    assert (found["contract"], found["old_version"], found["new_version"]) == ("support-training-set", "1.0.0", "1.1.0")
    assert [change["kind"] for change in found["changes"]] == ["bound_tightened"]


@pytest.mark.parametrize("form", ["--json", "--markdown", ""])
def test_git_without_a_difference(run: Run, form: str) -> None:
    result = run("--git", "HEAD", *filter(None, [form]))
    assert result.exit_code == 0
    assert result.stdout.strip() in ("[]", "## Data contracts: no contract changed", "ok: no contract changed.")


def test_git_reads_the_commit_and_not_the_index_or_the_remote(run: Run, project: Path) -> None:
    edit(project / TRAINING, MINOR)
    git(project, "add", ".")
    assert run("--git", "HEAD").exit_code == 10
    git(project, "commit", "-q", "-m", "second")
    assert run("--git", "HEAD").exit_code == 0
    assert run("--git", "HEAD~1").exit_code == 10
    git(project, "tag", "v1", "HEAD~1")
    assert run("--git", "v1").exit_code == 10


def test_git_takes_files_and_folders_from_anywhere_in_the_project(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project / TRAINING, MINOR)
    edit(project / SOURCE, GOVERNANCE)
    assert len(json.loads(run("--git", "main", "--json").stdout)) == 2
    assert len(json.loads(run("--git", "main", "--json", TRAINING).stdout)) == 1
    monkeypatch.chdir(project / "use_cases")
    assert len(json.loads(run("--git", "main", "--json", "../data_contracts").stdout)) == 2
    assert len(json.loads(run("--git", "main", "--json").stdout)) == 2


def test_a_new_contract_is_a_note(run: Run, project: Path) -> None:
    new = project / "data_contracts" / "other.odcs.yaml"
    shutil.copy(project / TRAINING, new)
    edit(
        new,
        ("urn:dc:support:support-training-set", "urn:dc:support:other"),
        ("name: support-training-set", "name: other"),
    )
    result = run("--git", "main", "--json")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (found["contract"], found["old_version"], found["new_version"]) == ("other", None, "1.0.0")
    assert (found["changes"], found["required_bump"], found["actual_bump"]) == ([], "none", "none")
    for form in ([], ["--markdown"]):
        told = run("--git", "main", *form).stdout
        assert "a new contract" in told
        assert "data-protection-officer" in told, "it has to be approved"


def test_a_contract_in_force_cannot_just_go(run: Run, project: Path) -> None:
    (project / SOURCE).unlink()
    result = run("--git", "main", "--json")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 10
    assert (found["old_version"], found["new_version"]) == ("1.0.0", None)
    assert [(change["kind"], change["grade"]) for change in found["changes"]] == [("contract_removed", "major")]
    assert "support_triage" in run("--git", "main").stdout, "who used it is named"


def test_a_retired_contract_can_go(run: Run, project: Path) -> None:
    edit(project / SOURCE, ("status: active", "status: retired"), version("2.0.0"))
    git(project, "commit", "-q", "-a", "-m", "retired")
    (project / SOURCE).unlink()
    assert run("--git", "main").exit_code == 0


def test_a_renamed_file_is_the_same_contract(run: Run, project: Path) -> None:
    (project / TRAINING).rename(project / "data_contracts" / "renamed.odcs.yaml")
    edit(project / "data_contracts" / "renamed.odcs.yaml", MINOR, version("1.0.1"))
    result = run("--git", "main", "--json")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 10
    assert [change["kind"] for change in found["changes"]] == ["bound_tightened"]


@pytest.mark.parametrize(
    "revision", ["--help", "-p", "nowhere", "main:README.md", "HEAD^{tree}", "main\n", "main..HEAD", "--output=x"]
)
def test_what_is_no_commit_is_refused_and_never_an_option(run: Run, project: Path, revision: str) -> None:
    result = run(f"--git={revision}")
    assert isinstance(result.exception, ContractError)
    assert (result.exception.code, result.exception.exit_code) == ("CONTRACT-021", 20)
    assert not (project / "x").exists()


def test_paths_outside_the_project_are_refused(run: Run) -> None:
    result = run("--git", "main", "/etc")
    assert isinstance(result.exception, ContractError)
    assert result.exception.code == "CONTRACT-021"


def test_without_a_repository(run: Run, project: Path) -> None:
    shutil.rmtree(project.parent / ".git")
    result = run("--git", "main")
    assert isinstance(result.exception, ContractError)
    assert result.exception.code == "CONTRACT-021"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_two_files_are_needed(run: Run, project: Path, count: int) -> None:
    result = run(*[project / TRAINING] * count)
    assert isinstance(result.exception, ContractError)
    assert (result.exception.code, result.exception.exit_code) == ("CONTRACT-022", 20)


def test_two_contracts_are_not_two_versions(run: Run, project: Path) -> None:
    result = run(project / SOURCE, project / TRAINING)
    assert isinstance(result.exception, ContractError)
    assert result.exception.code == "CONTRACT-020"


def test_everything_that_is_wrong_with_a_file_is_told_as_lint_does(
    run: Run, pair: Callable[..., tuple[Path, Path]]
) -> None:
    old, new = pair(
        ("status: active", "staus: active"), ("mustBeGreaterOrEqualTo: 300", "mustBeGreaterOrEqualTo: many")
    )
    result = run(old, new, "--json")
    assert (result.exit_code, result.stdout) == (20, "")
    linted = CliRunner().invoke(app, ["lint", str(new)]).stdout.splitlines()
    told = result.stderr.splitlines()
    assert len(told) >= 2
    assert set(told) <= set(linted)


def test_a_broken_file_of_the_past_is_named_with_its_revision(run: Run, project: Path) -> None:
    good = (project / TRAINING).read_text()
    edit(project / TRAINING, ("status: active", "status: active\nstatus: active"))
    git(project, "commit", "-q", "-a", "-m", "broken")
    (project / TRAINING).write_text(good)
    result = run("--git", "HEAD")
    assert result.exit_code == 20
    assert result.stderr.startswith(f"HEAD:{TRAINING}:7: CONTRACT-003")


def test_exit_code_of_the_installed_command(project: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mlops", "contract", "diff", "--git", "nowhere"]
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert ended.returncode == 20
    assert ended.stderr.startswith("error: nowhere: CONTRACT-021")
