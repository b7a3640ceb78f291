"""Training is exact: repeated, preempted, killed or resumed, the adapter has the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from safetensors.torch import load_file, save_file

from mlops.artifacts import digest_file
from mlops.errors import RetryableError
from mlops.models.generation import score_nll
from mlops.models.loading import load
from mlops.models.quantization import Quantization
from mlops.models.safety import scan
from mlops.training.config import TrainingSection
from mlops.training.errors import Preempted, TrainingError
from mlops.training.qlora import TrainingSummary, train
from tests.unit.training.conftest import ROOT, TINY, recipe


def _train(
    directory: Path,
    rows: pa.Table,
    validation: pa.Table | None = None,
    *,
    section: TrainingSection | None = None,
    checkpoints: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    threads: int = 1,
    base: Path = TINY,
) -> TrainingSummary:
    output = directory / "out"
    output.mkdir(parents=True, exist_ok=True)
    return train(
        section or recipe(),
        base,
        rows,
        validation,
        output=output,
        checkpoints=checkpoints or directory / "checkpoints",
        series=directory / "series.jsonl",
        should_stop=should_stop,
        threads=threads,
    )


def _after(calls: int) -> Callable[[], bool]:
    left = [calls]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


def _series(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "series.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def straight(
    tmp_path_factory: pytest.TempPathFactory, train_rows: pa.Table, validation_rows: pa.Table
) -> tuple[TrainingSummary, Path]:
    directory = tmp_path_factory.mktemp("straight")
    return _train(directory, train_rows, validation_rows), directory


def test_training_learns_on_a_real_4bit_base(straight: tuple[TrainingSummary, Path]) -> None:
    figures = straight[0].figures
    assert figures["quantization"]["linear4bit"] == 14
    assert 4.12 <= figures["quantization"]["bits_per_parameter"] <= 4.14
    assert figures["steps"] == 12
    losses = [line["loss"] for line in _series(straight[1])]
    assert len(losses) == 12
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])
    assert figures["validation"]["nll_per_token"] < losses[0]


def test_a_second_run_with_more_threads_gives_the_same_bytes(
    straight: tuple[TrainingSummary, Path], tmp_path: Path, train_rows: pa.Table, validation_rows: pa.Table
) -> None:
    again = _train(tmp_path, train_rows, validation_rows, threads=2)
    first, directory = straight
    for name in ("adapter/adapter_model.safetensors", "adapter/adapter_config.json", "training.json"):
        assert digest_file(directory / "out" / name) == digest_file(tmp_path / "out" / name), name
    assert again.figures == first.figures
    assert _series(tmp_path) == _series(directory)


def test_another_seed_is_another_adapter(
    straight: tuple[TrainingSummary, Path], tmp_path: Path, train_rows: pa.Table
) -> None:
    assert _train(tmp_path, train_rows, section=recipe(seed=1)).adapter_digest != straight[0].adapter_digest


@pytest.mark.parametrize("steps", [1, 6, 11], ids=["after the first step", "between checkpoints", "before the last"])
def test_preempted_and_resumed_gives_the_same_bytes(
    straight: tuple[TrainingSummary, Path], tmp_path: Path, train_rows: pa.Table, validation_rows: pa.Table, steps: int
) -> None:
    with pytest.raises(Preempted, match=f"after step {steps},") as caught:
        # One question goes to the encoding of the rows, the others to the steps.
        _train(tmp_path, train_rows, validation_rows, should_stop=_after(steps))
    assert isinstance(caught.value, RetryableError)
    assert not list((tmp_path / "out").iterdir()), "a preempted training must not look finished"
    summary = _train(tmp_path, train_rows, validation_rows)
    assert summary.measurements["resumed_from_step"] == steps
    assert summary.adapter_digest == straight[0].adapter_digest
    assert summary.figures == straight[0].figures
    assert _series(tmp_path) == _series(straight[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"accumulation": 2, "max_steps": None, "epochs": 1.7},
        {"adapter_dtype": "float32", "adapter": {"variant": "dora", "rank": 4}},
        {"method": "lora", "adapter": {"variant": "rslora", "rank": 4, "init": "gaussian"}},
        {"completion_only": False, "schedule": "cosine", "quantization": {"compute_dtype": "float32"}},
    ],
    ids=["accumulation over epochs", "dora in fp32", "rslora on bf16", "whole text, fp32 products"],
)
def test_each_kind_of_recipe_resumes_exactly(tmp_path: Path, train_rows: pa.Table, changes: dict[str, Any]) -> None:
    section = recipe(**changes)
    whole = _train(tmp_path / "a", train_rows, section=section)
    with pytest.raises(Preempted):
        _train(tmp_path / "b", train_rows, section=section, should_stop=_after(5))
    resumed = _train(tmp_path / "b", train_rows, section=section)
    assert resumed.measurements["resumed_from_step"] == 5
    assert resumed.adapter_digest == whole.adapter_digest


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.unit.training.conftest import TINY, chat_table, recipe
from mlops.training.qlora import train
directory = Path(sys.argv[2])
(directory / "out").mkdir(parents=True, exist_ok=True)
train(recipe(), TINY, chat_table(120, seed=1), chat_table(10, seed=2), output=directory / "out",
      checkpoints=directory / "checkpoints", series=directory / "series.jsonl", threads=1)
"""


def test_killed_in_the_middle_and_started_again_gives_the_same_bytes(
    straight: tuple[TrainingSummary, Path], tmp_path: Path, train_rows: pa.Table, validation_rows: pa.Table
) -> None:
    """SIGKILL at step 6 or later: the checkpoint of step 4 is sealed, what came after it is lost."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _KILLED, str(ROOT), str(tmp_path)], env={**os.environ}
    )
    series, deadline = tmp_path / "series.jsonl", time.monotonic() + 120
    while (not series.exists() or len(series.read_text().splitlines()) < 6) and time.monotonic() < deadline:
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert not (tmp_path / "out" / "adapter").exists()
    summary = _train(tmp_path, train_rows, validation_rows)
    assert summary.measurements["resumed_from_step"] in (4, 8)
    assert summary.adapter_digest == straight[0].adapter_digest
    assert summary.figures == straight[0].figures


def test_a_damaged_newest_checkpoint_costs_steps_but_not_the_result(
    straight: tuple[TrainingSummary, Path], tmp_path: Path, train_rows: pa.Table, validation_rows: pa.Table
) -> None:
    with pytest.raises(Preempted):
        _train(tmp_path, train_rows, validation_rows, should_stop=_after(7))
    newest = tmp_path / "checkpoints" / "checkpoint-7" / "optimizer.pt"
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(bytes(data))
    summary = _train(tmp_path, train_rows, validation_rows)
    assert summary.measurements["resumed_from_step"] == 4
    assert summary.measurements["rejected_checkpoints"] == ["checkpoint-7"]
    assert summary.adapter_digest == straight[0].adapter_digest


def test_other_data_does_not_go_on_from_these_checkpoints(tmp_path: Path, train_rows: pa.Table) -> None:
    with pytest.raises(Preempted):
        _train(tmp_path, train_rows, should_stop=_after(5))
    other = _train(tmp_path, train_rows.slice(1))
    assert other.measurements["resumed_from_step"] == 0


def test_the_adapter_loads_safely_and_scores_as_it_did_in_training(
    straight: tuple[TrainingSummary, Path], validation_rows: pa.Table
) -> None:
    summary, _ = straight
    scan(summary.adapter)
    conversations = validation_rows["messages"].to_pylist()
    scores = score_nll(load(TINY, quantization=Quantization(), adapter=summary.adapter), conversations, max_length=128)
    per_token = sum(s.nll or 0.0 for s in scores) / sum(s.tokens for s in scores)
    assert round(per_token, 4) == summary.figures["validation"]["nll_per_token"]
    plain = score_nll(load(TINY, quantization=Quantization()), conversations, max_length=128)
    assert scores != plain


def test_nothing_of_this_machine_or_hour_is_in_the_output(straight: tuple[TrainingSummary, Path]) -> None:
    summary, directory = straight
    for path in sorted((directory / "out").rglob("*")):
        assert path.is_dir() or str(ROOT).encode() not in path.read_bytes(), path.name
    config = json.loads((summary.adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny-test"
    assert sorted(path.name for path in summary.adapter.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert not [name for name in summary.figures if "second" in name or "time" in name]
    assert summary.measurements["wall_seconds"] > 0


def test_a_spent_budget_ends_the_training_and_says_so(tmp_path: Path, train_rows: pa.Table) -> None:
    section = recipe(max_steps=5000, budget={"max_minutes": 0.02})
    summary = _train(tmp_path, train_rows, section=section)
    assert summary.stopped == "budget"
    assert 0 < summary.figures["steps"] < 5000
    assert json.loads((tmp_path / "out" / "training.json").read_text())["stopped"] == "budget"


def test_a_loss_that_is_no_number_is_an_error_and_writes_no_adapter(tmp_path: Path, train_rows: pa.Table) -> None:
    """A base whose weights are finite, so that it passes the scan, but whose products overflow."""
    base = tmp_path / "base"
    shutil.copytree(TINY, base)
    (base / "manifest.json").unlink()
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"].fill_(3e38)
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="TRAIN-011"):
        _train(tmp_path, train_rows, base=base)
    assert not list((tmp_path / "out").iterdir())


def test_rows_that_do_not_fit_are_reported_and_none_at_all_is_an_error(tmp_path: Path, train_rows: pa.Table) -> None:
    long = pa.table(
        {"messages": [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "word " * 300}]] * 3}
    )
    mixed = pa.concat_tables([train_rows.slice(0, 20), long.cast(train_rows.schema)])
    figures = _train(tmp_path / "a", mixed, section=recipe(max_steps=3)).figures
    assert (figures["rows"], figures["rows_skipped"]) == (23, 3)
    with pytest.raises(TrainingError, match="TRAIN-010"):
        _train(tmp_path / "b", long)
