"""The harness: which examples, in which order, under which fingerprint, and what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.evaluation.config import EvaluationSection
from mlops.evaluation.errors import EvaluationError, EvaluationStopped
from mlops.evaluation.harness import Answer, Conversation, answer_all, draw_examples, fingerprint, predict
from mlops.evaluation.metrics import aggregate, score
from mlops.evaluation.scores import read_predictions

SECTION = EvaluationSection(task="ticket_json", batch_size=4, max_examples=50)
FIELDS = ("intent", "product", "urgency", "amount", "action")


def target(i: int) -> str:
    return json.dumps({field: f"{field}{i % 3}" for field in FIELDS}) + f"\nreply number {i}"


def chat(rows: int, start: int = 0) -> pa.Table:
    return pa.table(
        {
            "record_id": [f"{i:016x}" for i in range(start, start + rows)],
            "conversation_id": [f"c{i // 2}" for i in range(start, start + rows)],
            "messages": [
                [
                    {"role": "user", "content": "word " * (i % 7 + 1) + str(i)},
                    {"role": "assistant", "content": target(i)},
                ]
                for i in range(start, start + rows)
            ],
        }
    )


def perfect(prompts: list[Conversation]) -> Sequence[str]:
    return [target(int(prompt[-1]["content"].split()[-1])) for prompt in prompts]


def silent(prompts: list[Conversation]) -> Sequence[str]:
    return ["" for _ in prompts]


def loads(answer: Answer) -> Callable[[], Answer]:
    return lambda: answer


def print_of(section: EvaluationSection = SECTION, rows: pa.Table | None = None, **changes: Any) -> str:
    examples = draw_examples(chat(20) if rows is None else rows, section)
    facts: dict[str, Any] = {"chat_template": "t", "dtype": "bfloat16", "versions": {"torch": "1"}, **changes}
    return fingerprint(section, examples, **facts).digest


def test_predictions_are_scored_written_and_read_back(tmp_path: Path) -> None:
    rows = chat(20)
    harness = fingerprint(SECTION, draw_examples(rows, SECTION), chat_template="t", dtype="bfloat16")
    scores = predict(
        {"candidate": loads(perfect), "base": loads(silent)}, rows, SECTION, harness=harness, output=tmp_path
    )
    assert scores["candidate"].ids == sorted(rows["record_id"].to_pylist())
    assert len(set(scores["candidate"].clusters)) == 10
    for model, value in (("candidate", 1.0), ("base", 0.0)):
        again = read_predictions(tmp_path / f"predictions-{model}.parquet")
        assert again.digest == scores[model].digest
        assert again.harness == harness.digest
        assert again.model == model
        assert set(np.asarray(again.values("ticket_exact_match"))) == {value}
    texts = pq.read_table(tmp_path / "predictions-candidate.parquet")["prediction"].to_pylist()
    assert texts == [target(i) for i in range(20)]


def test_equal_answers_give_equal_bytes_in_whatever_order_the_rows_come(tmp_path: Path) -> None:
    rows = chat(30)
    shuffled = rows.take(np.random.default_rng(1).permutation(30))
    harness = fingerprint(SECTION, draw_examples(rows, SECTION), chat_template="t", dtype="bfloat16")
    content = []
    for name, table in (("one", rows), ("two", pa.concat_tables([shuffled.slice(0, 11), shuffled.slice(11)]))):
        (tmp_path / name).mkdir()
        predict({"candidate": loads(perfect)}, table, SECTION, harness=harness, output=tmp_path / name)
        content.append((tmp_path / name / "predictions-candidate.parquet").read_bytes())
    assert content[0] == content[1]


def test_a_model_is_let_go_before_the_next_is_loaded(tmp_path: Path) -> None:
    alive: list[str] = []

    class Model:
        def __init__(self, name: str) -> None:
            assert not alive
            self.name = name
            alive.append(name)

        def __call__(self, prompts: list[Conversation]) -> Sequence[str]:
            return silent(prompts)

        def __del__(self) -> None:
            alive.remove(self.name)

    harness = fingerprint(SECTION, draw_examples(chat(5), SECTION), chat_template="t", dtype="bfloat16")
    predict({n: lambda n=n: Model(n) for n in ("a", "b")}, chat(5), SECTION, harness=harness, output=tmp_path)  # type: ignore[misc]


CHANGES: dict[str, dict[str, Any]] = {
    "template": {"chat_template": "u"},
    "dtype": {"dtype": "float32"},
    "device": {"device": "cuda"},
    "quantization": {"quantization": "nf4"},
    "versions": {"versions": {"torch": "2"}},
    "batch_size": {"section": SECTION.model_copy(update={"batch_size": 8})},
    "max_new_tokens": {"section": SECTION.model_copy(update={"max_new_tokens": 8})},
    "examples": {"rows": chat(21)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_moves_a_score_moves_the_fingerprint(change: dict[str, Any]) -> None:
    assert print_of(**change) != print_of()


def test_the_choice_of_models_to_compare_does_not_move_the_fingerprint() -> None:
    assert print_of(SECTION.model_copy(update={"compare_with": ()})) == print_of()


def test_the_draw_is_by_hash_and_stable_when_rows_are_added() -> None:
    section = SECTION.model_copy(update={"max_examples": 40})
    first = {example.record_id for example in draw_examples(chat(200), section)}
    second = {example.record_id for example in draw_examples(chat(201), section)}
    other = {example.record_id for example in draw_examples(chat(200), section.model_copy(update={"seed": 1}))}
    assert len(first) == 40
    assert len(first & second) >= 39
    assert len(first & other) < 30


def with_messages(messages: Any) -> pa.Table:
    return pa.table({"record_id": ["a"], "conversation_id": ["c"], "messages": [messages]})


USER, REPLY = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
BAD_ROWS = {
    "none": chat(0),
    "repeated": pa.concat_tables([chat(3), chat(1)]),
    "no_reply": with_messages([USER, USER]),
    "no_prompt": with_messages([REPLY]),
    "no_text": with_messages([USER, {"role": "assistant", "content": None}]),
    "no_conversation": pa.table(
        {"record_id": ["a"], "conversation_id": pa.nulls(1, pa.string()), "messages": [[USER, REPLY]]}
    ),
}


@pytest.mark.parametrize("rows", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_rows_that_cannot_be_evaluated_are_refused(rows: pa.Table) -> None:
    with pytest.raises(EvaluationError, match="EVALUATION-001"):
        draw_examples(rows, SECTION)


def test_a_batch_with_another_number_of_answers_is_refused() -> None:
    examples = draw_examples(chat(10), SECTION)
    with pytest.raises(EvaluationError, match="expected 4 answers, found 3"):
        answer_all(lambda prompts: ["x"] * (len(prompts) - 1), examples, SECTION)


@pytest.mark.parametrize("answers", [["x"], [1.0, 2.0], [None, "x"]], ids=["short", "numbers", "none"])
def test_answers_of_another_kind_are_refused(answers: list[Any]) -> None:
    with pytest.raises(EvaluationError, match="EVALUATION-002"):
        score("ticket_json", draw_examples(chat(2), SECTION), answers)


def test_it_stops_between_two_batches_and_says_how_far_it_came() -> None:
    seen: list[int] = []
    with pytest.raises(EvaluationStopped, match="after 8 of 10"):
        answer_all(
            perfect,
            draw_examples(chat(10), SECTION),
            SECTION,
            progress=lambda done, total, text: seen.append(done),
            should_stop=lambda: len(seen) == 2,
        )
    assert seen == [4, 8]


def test_likelihoods_are_asked_with_the_target_and_prompts_without() -> None:
    asked: list[Conversation] = []

    def likelihood(conversations: list[Conversation]) -> Sequence[float]:
        asked.extend(conversations)
        return [0.5] * len(conversations)

    section = SECTION.model_copy(update={"task": "reply_nll"})
    examples = draw_examples(chat(3), section)
    answers = answer_all(likelihood, examples, section)
    assert all(conversation[-1]["role"] == "assistant" for conversation in asked)
    table = score("reply_nll", examples, [*answers[:2], float("inf")])
    assert table["nll_per_token"].to_pylist()[:2] == [0.5, 0.5]
    assert np.isnan(table["nll_per_token"][2].as_py())
    answer_all(lambda prompts: asked.extend(prompts) or silent(prompts), examples, SECTION)  # type: ignore[func-returns-value]
    assert all(conversation[-1]["role"] == "user" for conversation in asked[3:])


def test_without_a_detector_leaks_are_not_scored_as_zero() -> None:
    examples = draw_examples(chat(2), SECTION)
    assert "pii_leak" not in score("ticket_json", examples, ["x", "y"]).column_names
    found = score("ticket_json", examples, ["a mail", "none"], detector=lambda text: ["m"] if "mail" in text else [])
    assert found["pii_leak"].to_pylist() == [1.0, 0.0]


def test_a_figure_with_a_missing_score_has_no_value(tmp_path: Path) -> None:
    section = SECTION.model_copy(update={"task": "reply_nll"})
    harness = fingerprint(section, draw_examples(chat(30), section), chat_template="t", dtype="bfloat16")
    values = iter([float("nan"), *np.linspace(1, 2, 29)])
    scores = predict(
        {"base": lambda: lambda prompts: [next(values) for _ in prompts]}, chat(30), section, harness=harness,
        output=tmp_path,
    )  # fmt: skip
    (figure,) = aggregate(scores["base"])
    assert (figure.value, figure.low, figure.missing, figure.examples) == (None, None, 1, 30)
    assert json.dumps(figure.to_json(), allow_nan=False)


def test_a_file_that_is_no_predictions_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no")
    pq.write_table(chat(2), tmp_path / "chat.parquet")
    for name in ("missing", "text", "chat"):
        with pytest.raises(EvaluationError, match="EVALUATION-003"):
            read_predictions(tmp_path / f"{name}.parquet")


def test_batches_hold_examples_of_similar_length() -> None:
    lengths: list[list[int]] = []

    def watched(prompts: list[Conversation]) -> Sequence[str]:
        lengths.append([len(prompt[-1]["content"]) for prompt in prompts])
        return silent(prompts)

    answer_all(watched, draw_examples(chat(30), SECTION), SECTION)
    flat = [length for batch in lengths for length in batch]
    assert flat == sorted(flat)
    assert len(set(flat)) > 5
