"""Counting recall, precision and false alarms, and the gates on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlops.privacy.commands import app
from mlops.privacy.config import LEFT_OUT, PROFILES, PURPOSES
from mlops.privacy.errors import PrivacyError
from mlops.privacy.evaluation import Label, Minimum, Share, evaluate, judge

MAIL = "EMAIL_ADDRESS"


def one(labels: Sequence[Label], findings: Sequence[Label], kind: str = MAIL) -> tuple[float | None, ...]:
    """Recall, covered, precision of one document."""
    score = evaluate([(labels, findings)]).types[kind]
    return score.recall.value, score.covered.value, score.precision.value


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param([Label(10, 20, MAIL)], (1, 1, 1), id="the same span"),
        pytest.param([Label(10, 18, MAIL)], (1, 1, 1), id="80 % of the label"),
        pytest.param([Label(10, 17, MAIL)], (0, 0, 1), id="70 % of the label"),
        pytest.param([Label(10, 14, MAIL), Label(15, 20, MAIL)], (1, 1, 1), id="in two parts"),
        pytest.param([Label(10, 15, MAIL), Label(10, 15, MAIL)], (0, 0, 1), id="the same half twice"),
        pytest.param([Label(0, 20, MAIL)], (1, 1, 1), id="half of the finding is right"),
        pytest.param([Label(0, 21, MAIL)], (1, 1, 10 / 21 >= 0.5), id="less than half of the finding is right"),
        pytest.param([Label(10, 20, "PERSON")], (0, 1, None), id="another type"),
        pytest.param([Label(10, 15, MAIL), Label(15, 20, "PERSON")], (0, 1, 1), id="two types together"),
        pytest.param([], (0, 0, None), id="nothing"),
    ],
)
def test_what_counts_as_found_and_as_right(findings: list[Label], expected: tuple[float | None, ...]) -> None:
    assert one([Label(10, 20, MAIL)], findings) == expected


def test_a_finding_over_two_labels_of_its_type_is_right() -> None:
    assert one([Label(0, 3, MAIL), Label(2, 5, MAIL)], [Label(0, 10, MAIL)]) == (1, 1, 1)


def test_only_documents_without_labels_give_false_alarms() -> None:
    found = evaluate(
        [
            ([], []),
            ([], [Label(0, 4, MAIL), Label(5, 6, MAIL), Label(7, 9, "URL")]),
            ([Label(0, 4, MAIL)], [Label(5, 9, "URL")]),
        ]
    )
    assert (found.false_alarms, dict(found.false_alarm_types)) == (Share(1, 2), {MAIL: 1, "URL": 1})
    assert found.types["URL"].precision == Share(0, 2)
    assert found.types["URL"].recall == Share(0, 0)


def test_a_sample_that_labels_only_some_types_judges_only_those() -> None:
    rows = [([Label(0, 4, MAIL)], [Label(0, 4, "PERSON")]), ([], [Label(0, 4, "PERSON")])]
    found = evaluate(rows, only={MAIL})
    assert set(found.types) == {MAIL}
    assert (found.types[MAIL].covered, found.false_alarms) == (Share(1, 1), Share(0, 1))


def test_intervals_are_those_of_wilson() -> None:
    """The example of Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 and 15 of 148."""
    assert Share(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Share(15, 148).interval == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert Share(0, 0).to_json() == {"hits": 0, "n": 0, "value": None, "low": 0.0, "high": 1.0}


@pytest.mark.parametrize(
    ("hits", "n", "answer"),
    [
        pytest.param(400, 400, "PASS", id="proved"),
        pytest.param(72, 72, "INCONCLUSIVE", id="too few, none missed"),
        pytest.param(73, 73, "PASS", id="just enough"),
        pytest.param(96, 100, "INCONCLUSIVE", id="the share reaches it, its lower end does not"),
        pytest.param(50, 100, "FAIL", id="proved to be lower"),
        pytest.param(0, 0, "INCONCLUSIVE", id="nothing labelled"),
    ],
)
def test_the_lower_end_of_the_interval_decides(hits: int, n: int, answer: str) -> None:
    label = Label(0, 4, MAIL)
    found = evaluate([([label], [label] if place < hits else []) for place in range(n)])
    (verdict,) = judge(found, [Minimum("recall", MAIL, 0.95)])
    assert (verdict.answer, verdict.share) == (answer, Share(hits, n))
    assert verdict.minimum.least_n == 73


_SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from(["A", "B"])).map(
        lambda span: Label(span[0], span[0] + span[1], span[2])
    ),
    max_size=5,
)


@given(st.lists(st.tuples(_SPANS, _SPANS), max_size=6))
def test_invariants(rows: list[tuple[list[Label], list[Label]]]) -> None:
    """Covered is never below recall; perfect findings are perfect; the order of documents and spans is no matter."""
    found = evaluate(rows)
    for score in found.types.values():
        assert score.recall.hits <= score.covered.hits <= score.covered.n == score.recall.n
        assert score.precision.hits <= score.precision.n
    assert evaluate([(labels[::-1], findings[::-1]) for labels, findings in rows[::-1]]) == found
    perfect = evaluate([(labels, labels) for labels, _ in rows])
    assert all(score.recall.hits == score.recall.n == score.precision.hits for score in perfect.types.values())
    assert perfect.false_alarms.hits == 0


ROWS = [
    {"text": "😀 write to anna@example.org", "spans": [{"start": 11, "end": 27, "type": MAIL}]},
    {"text": "write to nobody", "spans": []},
    {"text": "card 4111 1111 1111 1111", "spans": []},
]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n", encoding="utf-8")
    return path


def test_evaluate_prints_one_object_without_text(sample: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(sample), "--json", "--min-precision", f"{MAIL}=0.2"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["documents"] == 3
    assert shown["types"][MAIL]["recall"]["hits"] == shown["types"][MAIL]["precision"]["hits"] == 1
    assert shown["false_alarms"]["by_type"] == {"CREDIT_CARD": 1}
    assert (shown["false_alarms"]["hits"], shown["false_alarms"]["n"]) == (1, 2)
    assert [gate["answer"] for gate in shown["gates"]] == ["PASS"]
    assert "anna" not in result.output


def test_a_profile_is_judged_by_what_it_masks(sample: Path) -> None:
    shown = json.loads(CliRunner().invoke(app, ["evaluate", str(sample), "--profile", "pci", "--json"]).stdout)
    assert {name: score["recall"]["hits"] for name, score in shown["types"].items()} == {MAIL: 0, "CREDIT_CARD": 0}
    problem = CliRunner().invoke(app, ["evaluate", str(sample), "--profile", "anna"]).exception
    assert isinstance(problem, PrivacyError)
    assert problem.code == "PRIVACY-006"
    assert "anna" not in str(problem)


def test_names_may_be_found_by_the_model(tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text(json.dumps({"text": "I talked to Maria Keller yesterday.", "spans": []}) + "\n")
    hits = {}
    for names in ("cues", "model"):
        shown = json.loads(CliRunner().invoke(app, ["evaluate", str(path), "--names", names, "--json"]).stdout)
        hits[names] = shown["false_alarms"]["by_type"]
    assert hits == {"cues": {}, "model": {"PERSON": 1}}
    problem = CliRunner().invoke(app, ["evaluate", str(path), "--names", "anna"]).exception
    assert isinstance(problem, PrivacyError)
    assert problem.code == "PRIVACY-041"


def test_evaluate_for_people(sample: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(sample)])
    lines = result.stdout.splitlines()
    assert lines[1].split()[0] == "CREDIT_CARD"
    assert lines[2].split()[:3] == [MAIL, "1.000", "(0.207–1.000)"]
    assert lines[-1].startswith("3 texts; of 2 without labels 1 were hit: 500.0 per 1,000 (")


@pytest.mark.parametrize(
    ("gate", "answer"),
    [
        pytest.param(["--min-recall", f"{MAIL}=0.95"], "INCONCLUSIVE", id="too small a sample"),
        pytest.param(["--min-precision", "CREDIT_CARD=0.9"], "FAIL", id="false alarms"),
        pytest.param(["--min-recall", "PERSON=0.5"], "INCONCLUSIVE", id="a type that is not in the sample"),
    ],
)
def test_a_gate_that_does_not_pass_blocks(gate: list[str], answer: str, sample: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(sample), *gate])
    assert result.exit_code == 10
    assert result.stdout.splitlines()[-1].startswith(f"{answer}: ")


@pytest.mark.parametrize(
    ("line", "code", "where"),
    [
        pytest.param('{"text": "anna', "PRIVACY-020", "sample.jsonl:2", id="no JSON"),
        pytest.param('{"text": "anna"}', "PRIVACY-020", "sample.jsonl:2", id="no spans"),
        pytest.param('{"text": 7, "spans": []}', "PRIVACY-020", "sample.jsonl:2", id="no text"),
        pytest.param(
            '{"text": "anna", "spans": [{"start": 0, "end": 5, "type": "PERSON"}]}',
            "PRIVACY-021",
            "sample.jsonl:2, span 0",
            id="outside",
        ),
        pytest.param(
            '{"text": "anna", "spans": [{"start": 2, "end": 2, "type": "PERSON"}]}',
            "PRIVACY-021",
            "sample.jsonl:2, span 0",
            id="empty",
        ),
        pytest.param(
            '{"text": "anna", "spans": [{"start": true, "end": 2, "type": "PERSON"}]}',
            "PRIVACY-021",
            "sample.jsonl:2, span 0",
            id="no number",
        ),
        pytest.param(
            '{"text": "anna", "spans": [{"start": 0, "end": 4, "type": "anna"}]}',
            "PRIVACY-021",
            "sample.jsonl:2, span 0",
            id="no type",
        ),
        pytest.param('{"text": "anna", "spans": ["anna"]}', "PRIVACY-021", "sample.jsonl:2, span 0", id="no object"),
        pytest.param(
            '{"text": "anna", "spans": [{"start": 0, "end": 4, "type": "PERSON"},'
            ' {"start": 0, "end": 4, "type": "PERSON"}]}',
            "PRIVACY-021",
            "sample.jsonl:2",
            id="twice",
        ),
    ],
)
def test_a_wrong_line_is_named_and_not_quoted(line: str, code: str, where: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text(json.dumps(ROWS[1]) + "\n" + line + "\n", encoding="utf-8")
    problem = CliRunner().invoke(app, ["evaluate", str(path)]).exception
    assert isinstance(problem, PrivacyError)
    assert (problem.code, problem.where, problem.exit_code) == (code, where, 20)
    assert "anna" not in f"{problem} {problem.__cause__}"


def test_files_and_gates_that_cannot_be_read_are_refused(sample: Path, tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty.jsonl", tmp_path / "binary.jsonl"
    empty.write_text("\n")
    binary.write_bytes(b'{"text": "\xff", "spans": []}\n')
    codes = []
    gates = ([], ["--min-recall", MAIL], ["--min-recall", f"{MAIL}=1"], ["--min-recall", f"{MAIL}=nan"])
    calls = [[str(empty)], [str(binary)], [str(tmp_path / "none")], *([str(sample), *gate] for gate in gates[1:])]
    for arguments in calls:
        problem = CliRunner().invoke(app, ["evaluate", *arguments]).exception
        assert isinstance(problem, PrivacyError)
        codes.append(problem.code)
    assert codes == ["PRIVACY-022", "PRIVACY-004", "PRIVACY-004", "PRIVACY-023", "PRIVACY-023", "PRIVACY-023"]


def test_profiles_says_what_each_is_for_and_masks() -> None:
    assert set(PURPOSES) == set(PROFILES)
    shown = json.loads(CliRunner().invoke(app, ["profiles", "--json"]).stdout)
    assert set(shown) == set(PROFILES)
    for name, said in shown.items():
        assert said == {
            "purpose": PURPOSES[name],
            "types": sorted(PROFILES[name]),
            "left_out": sorted(LEFT_OUT[name]),
        }
    text = CliRunner().invoke(app, ["profiles"]).stdout
    assert all(word in text for word in (*PROFILES, *PURPOSES.values(), "EMAIL_ADDRESS"))
