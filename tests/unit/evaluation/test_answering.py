"""A real model answers the harness: both tasks, bytes equal on a second run, and the gate judges what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mlops.evaluation.answering import answer_of
from mlops.evaluation.catalog import Task, metrics_of
from mlops.evaluation.config import EvaluationSection, GateSection
from mlops.evaluation.gate import judge
from mlops.evaluation.harness import draw_examples, fingerprint, predict
from mlops.evaluation.scores import ExampleScores
from mlops.models.generation import score_nll
from mlops.models.loading import LoadedModel, load

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "base_models" / "tiny-test"
WORDS = ["the", "parcel", "with", "my", "router", "did", "not", "come", "and", "nobody", "answers", "the", "phone"]


def rows(count: int, reply_words: int = 1) -> pa.Table:
    return pa.table(
        {
            "record_id": [f"{i:016x}" for i in range(count)],
            "conversation_id": [f"c{i}" for i in range(count)],
            "messages": [
                [
                    {"role": "user", "content": " ".join(WORDS[: 1 + i % len(WORDS)])},
                    {"role": "assistant", "content": " ".join((WORDS[i % len(WORDS) :] or WORDS) * reply_words)},
                ]
                for i in range(count)
            ],
        }
    )


@pytest.fixture(scope="module")
def models() -> dict[str, LoadedModel]:
    loaded = {"candidate": load(TINY, quantization=None)}
    return {**loaded, "random": load(TINY, quantization=None, random_seed=1)}


def evaluate(task: Task, models: dict[str, LoadedModel], table: pa.Table, output: Path) -> dict[str, ExampleScores]:
    section = EvaluationSection(task=task, max_new_tokens=6, batch_size=8)
    output.mkdir()
    harness = fingerprint(section, draw_examples(table, section), chat_template="t", dtype="bfloat16")
    answers = {name: lambda model=model: answer_of(model, section) for name, model in models.items()}
    return predict(answers, table, section, harness=harness, output=output)


@pytest.mark.parametrize("task", ["ticket_json", "reply_nll"])
def test_both_tasks_score_every_example_and_give_the_same_bytes_again(
    task: Task, models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    # Plain text is no ticket, so give the ticket task targets it can read.
    table = rows(20)
    if task == "ticket_json":
        ticket = '{"intent":"a","product":"b","urgency":"c","amount":"none","action":"d"}\nok'
        messages = [[*m[:-1], {"role": "assistant", "content": ticket}] for m in table["messages"].to_pylist()]
        table = table.set_column(2, "messages", pa.array(messages))
    first = evaluate(task, models, table, tmp_path / "first")
    evaluate(task, models, table, tmp_path / "second")
    for name, scores in first.items():
        assert set(scores.metrics) == set(metrics_of(task)) - {"pii_leak"}
        assert all(np.isfinite(np.asarray(scores.values(metric))).all() for metric in scores.metrics)
        files = [(tmp_path / run / f"predictions-{name}.parquet").read_bytes() for run in ("first", "second")]
        assert files[0] == files[1]
    assert first["candidate"].digest != first["random"].digest


def test_likelihoods_are_per_token_and_in_the_order_of_the_rows(models: dict[str, LoadedModel], tmp_path: Path) -> None:
    table = rows(20)
    scores = evaluate("reply_nll", {"candidate": models["candidate"]}, table, tmp_path / "out")["candidate"]
    plain = score_nll(models["candidate"], table["messages"].to_pylist(), batch_size=1)
    expected = [(score.nll or 0.0) / score.tokens for score in plain]
    assert np.asarray(scores.values("nll_per_token")) == pytest.approx(expected, rel=0.03)


def test_a_target_that_does_not_fit_leaves_the_gate_inconclusive(
    models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    table = pa.concat_tables([rows(20), rows(21, reply_words=500).slice(20)])
    scores = evaluate("reply_nll", {"candidate": models["candidate"]}, table, tmp_path / "out")
    rule = {"id": "nll_per_token", "ceiling": 1000.0, "min_n": 10}
    verdict = judge(GateSection.model_validate({"name": "g", "metrics": [rule]}), scores)
    assert verdict.outcome == "INCONCLUSIVE"
    assert "1 of 21 examples of candidate have no score" in verdict.metrics[0].note
