"""The trainer's callback: series, progress, preemption, budget, and the refusal to learn from a broken loss."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.training.checkpoints import seal_checkpoint

Progress = Callable[[int, int | None, str], None]


@dataclass
class Watch:
    """What one attempt observes. Mutable: the trainer's callback writes, ``qlora.train`` reads.

    Attributes:
        series: JSONL file, one line per optimizer step: step, loss, learning_rate, grad_norm, tokens.
        checkpoints: where the trainer writes its checkpoints; key: what they are bound to.
        max_seconds: budget over all attempts; spent_before: seconds of the earlier ones.
    """

    series: Path
    checkpoints: Path
    key: str
    progress: Progress
    should_stop: Callable[[], bool]
    max_seconds: float | None = None
    spent_before: float = 0.0
    started: float = field(default_factory=time.monotonic)
    preempted: bool = False
    over_budget: bool = False
    broken_at: int | None = None

    def elapsed(self) -> float:
        """Wall seconds of all attempts."""
        return self.spent_before + time.monotonic() - self.started

    def restore_series(self, history: list[dict[str, Any]]) -> None:
        """Start the series with the steps of the checkpoint, so that it is whole whichever attempt wrote it."""
        self.series.parent.mkdir(parents=True, exist_ok=True)
        lines = [_line(entry) for entry in history if "loss" in entry]
        self.series.write_text("".join(lines), encoding="utf-8")

    def logged(self, entry: dict[str, Any], total: int) -> None:
        """One optimizer step was logged."""
        with self.series.open("a", encoding="utf-8") as stream:
            stream.write(_line(entry))
        self.progress(entry["step"], total, f"loss {entry['loss']:.4f}")

    def wants_to_end(self, step: int, total: int) -> bool:
        """Ask, once per optimizer step, whether to save and leave. The last step is never preempted: it is done."""
        if step >= total:
            return False
        if self.should_stop():
            self.preempted = True
        elif self.max_seconds is not None and self.elapsed() >= self.max_seconds:
            self.over_budget = True
        return self.preempted or self.over_budget

    def saved(self, step: int) -> None:
        """The trainer has written a checkpoint directory: seal it."""
        directory = self.checkpoints / f"checkpoint-{step}"
        # A pickle of the arguments and generated cards: nothing reads them again.
        for unread in (directory / "training_args.bin", directory / "README.md", self.checkpoints / "README.md"):
            unread.unlink(missing_ok=True)
        seal_checkpoint(directory, key=self.key, step=step, elapsed_seconds=self.elapsed())


def _line(entry: dict[str, Any]) -> str:
    record = {
        "step": entry["step"],
        "loss": _finite(entry["loss"]),
        "learning_rate": entry.get("learning_rate"),
        "grad_norm": _finite(entry.get("grad_norm")),
        "tokens": int(entry.get("num_input_tokens_seen", 0)),
    }
    return json.dumps(record, allow_nan=False) + "\n"


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(float(value)) else None


def trainer_callback(watch: Watch) -> Any:
    """A ``transformers.TrainerCallback`` that reports to ``watch``."""
    from transformers import TrainerCallback

    class _Callback(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            watch.restore_series(state.log_history)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if watch.wants_to_end(state.global_step, state.max_steps):
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if not logs or "loss" not in logs:
                return
            watch.logged({**logs, "step": state.global_step}, state.max_steps)
            if not math.isfinite(logs["loss"]):
                watch.broken_at = state.global_step
                control.should_training_stop = True
                control.should_save = False

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            watch.saved(state.global_step)

    return _Callback()
