from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlops.privacy.commands import app
from mlops.privacy.config import PROFILES, Profile
from mlops.privacy.errors import PrivacyError

ROOT = Path(__file__).resolve().parents[3]
ROWS = [
    {"text": "I'm Anna Smith, 49.90 EUR", "id": 1, "conversation_id": "c"},
    {"text": "nothing here", "id": 2},
    {"text": "Anna again: 4111 1111 1111 1111 ünï", "id": 3, "conversation_id": "c"},
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")
    return path


def test_detect_writes_one_line_per_row_without_values(source: Path) -> None:
    result = CliRunner().invoke(app, ["detect", str(source), "--field", "text", "--json"])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0] == {
        "row": 0,
        "spans": [{"start": 4, "end": 14, "type": "PERSON", "score": 0.7, "detector": "person-first-person"}],
    }
    assert [len(line["spans"]) for line in lines] == [1, 0, 1]
    assert "Anna" not in result.stdout


def test_detect_for_people(source: Path) -> None:
    result = CliRunner().invoke(app, ["detect", str(source)])
    assert result.stdout.splitlines()[0] == "0\t4\t14\tPERSON\t0.70\tperson-first-person"


def test_mask_writes_rows_and_report(source: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.jsonl", tmp_path / "report.json"
    result = CliRunner().invoke(app, ["mask", str(source), str(out), "--field", "text", "--report", str(report)])
    assert result.exit_code == 0, result.output
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == [
        {"text": "I'm <PERSON_1>, 49.90 EUR", "id": 1, "conversation_id": "c"},
        {"text": "nothing here", "id": 2},
        {"text": "<PERSON_1> again: <CREDIT_CARD_1> ünï", "id": 3, "conversation_id": "c"},
    ]
    assert json.loads(report.read_text(encoding="utf-8"))["rows"] == {"in": 3, "out": 3, "changed": 2, "quarantined": 0}
    assert "Anna" not in result.output + report.read_text(encoding="utf-8")


def test_rows_that_cannot_be_masked_are_left_out(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"text": "x" * 100_001}) + "\n" + json.dumps({"text": "kept"}) + "\n")
    result = CliRunner().invoke(app, ["mask", str(source), str(out)])
    assert result.exit_code == 10
    assert [json.loads(line) for line in out.read_text().splitlines()] == [{"text": "kept"}]
    assert "row 0 was left out: too-long" in result.stderr
    assert "blocked: 1 rows were left out, 0 allowed" in result.stderr
    assert CliRunner().invoke(app, ["mask", str(source), str(out), "--max-left-out", "1"]).exit_code == 0


@pytest.mark.parametrize(
    ("content", "arguments", "code"),
    [
        pytest.param('{"text": "anna@x.org"\n', [], "PRIVACY-002", id="no JSON"),
        pytest.param('["anna@x.org"]\n', [], "PRIVACY-002", id="no object"),
        pytest.param('{"body": "anna@x.org"}\n', [], "PRIVACY-003", id="no such field"),
        pytest.param('{"text": "anna@x.org"}\n', ["--profile", "anna@x.org"], "PRIVACY-006", id="no such profile"),
    ],
)
def test_wrong_input_is_refused_without_quoting_it(
    content: str, arguments: list[str], code: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(content)
    result = CliRunner().invoke(app, ["mask", str(source), str(out), *arguments])
    assert isinstance(result.exception, PrivacyError)
    assert result.exception.code == code
    assert "anna" not in f"{result.exception} {result.exception.__cause__} {result.output}"
    assert not out.exists()


def test_unreadable_and_identical_files_are_refused(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    codes = []
    for arguments in ([str(source), str(source)], [str(tmp_path / "none.jsonl"), "o"], [str(tmp_path / "none"), "o"]):
        problem = CliRunner().invoke(app, ["mask", *arguments]).exception
        assert isinstance(problem, PrivacyError)
        codes.append(problem.code)
    assert codes == ["PRIVACY-005", "PRIVACY-004", "PRIVACY-004"]
    assert source.read_bytes() == before


def test_profiles_of_the_section_and_of_detection_are_the_same() -> None:
    assert set(Profile.__args__) == set(PROFILES)  # type: ignore[attr-defined]


def test_importing_the_room_is_light() -> None:
    """The section and the commands load neither the patterns nor Arrow; detection loads no numbering plans."""
    script = (
        "import sys, mlops.privacy.config, mlops.privacy.commands\n"
        "assert not {'re2', 'pyarrow', 'phonenumbers', 'stdnum'} & set(sys.modules)\n"
        "import mlops.privacy.detection\n"
        "assert not {'pyarrow', 'phonenumbers', 'stdnum', 'pandas', 'torch'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
