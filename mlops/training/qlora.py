"""QLoRA fine-tuning (Dettmers et al., 2023, arXiv 2305.14314) through TRL and peft, exact and interruptible.

Read :func:`train` from top to bottom. Two runs of one configuration give the same adapter, byte for byte; so does a
run that was interrupted anywhere, by a request or by a kill, and started again with the same ``checkpoints``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops.artifacts import canonical_json, digest_bytes, write_atomic
from mlops.models.errors import Stopped
from mlops.models.generation import score_encoded
from mlops.models.guard import guard_cpu
from mlops.models.identity import base_digest
from mlops.models.loading import LoadedModel, load
from mlops.models.probe import probe_quantized_training
from mlops.models.quantization import QuantizationFacts, request
from mlops.training.adapter_output import write_adapter
from mlops.training.checkpoints import newest_valid
from mlops.training.config import TrainingSection
from mlops.training.encoding import EncodedRows, encode_rows, training_order
from mlops.training.errors import Preempted, TrainingError
from mlops.training.meter import Meter
from mlops.training.trainer import build_trainer, library_versions
from mlops.training.watch import Progress, Watch

_LOG = logging.getLogger(__name__)
_FINAL_STEPS = 20


@dataclass(frozen=True)
class TrainingSummary:
    """What a training left behind.

    Attributes:
        adapter: directory of the adapter; adapter_digest: digest of its weights file.
        stopped: ``finished``, or ``budget`` when the wall-clock limit ended it early.
        figures: the content of ``training.json``: deterministic for a given configuration, data and base.
        measurements: times, memory, energy, threads, resumed step, rejected checkpoints: never the same twice.
    """

    adapter: Path
    adapter_digest: str
    stopped: str
    figures: dict[str, Any] = field(default_factory=dict)
    measurements: dict[str, Any] = field(default_factory=dict)


def train(
    section: TrainingSection,
    base: Path,
    train_rows: pa.Table,
    validation_rows: pa.Table | None,
    *,
    output: Path,
    checkpoints: Path,
    series: Path,
    progress: Progress = lambda done, total, text: None,
    should_stop: Callable[[], bool] = lambda: False,
    threads: int = 2,
) -> TrainingSummary:
    """Fine-tune an adapter on the last assistant message of each row.

    Args:
        section: the recipe.
        base: directory of the base model.
        train_rows: table with a ``messages`` column of the canonical chat schema.
        validation_rows: the same; scored once at the end, never trained on. ``None`` or empty: not scored.
        output: existing directory; receives ``adapter/`` and ``training.json``.
        checkpoints: directory that outlives the attempt; another attempt with the same inputs goes on from it.
        series: JSONL file to write, one line per optimizer step.
        progress: called with (optimizer steps done, all steps, text).
        should_stop: asked at each optimizer step and between batches of the validation.
        threads: CPU threads where the section's budget names none; the result does not depend on it.

    Raises:
        Preempted: TRAIN-001, ``should_stop`` said so; the step is saved. Nothing is written to ``output``.
        TrainingError: TRAIN-010 no row fits, TRAIN-011 the loss is not finite, TRAIN-012 no step was trained.
        ModelError: what scanning, loading, probing or encoding refuses.
    """
    guard_cpu()
    import torch

    meter = Meter()
    torch.set_num_threads(section.budget.threads or threads)
    if section.quantization is not None and section.device == "cpu":
        probe_quantized_training()
    loaded = load(base, quantization=request(section.quantization), for_training=True, device=section.device)
    rows = _encode(loaded, train_rows, section, None, should_stop)
    digest = base_digest(base)
    key = resume_key(section, digest, rows)
    checkpoint, rejected = newest_valid(checkpoints, key=key)
    watch = Watch(
        series=series,
        checkpoints=checkpoints,
        key=key,
        progress=progress,
        should_stop=should_stop,
        max_seconds=None if section.budget.max_minutes is None else 60 * section.budget.max_minutes,
        spent_before=checkpoint.elapsed_seconds if checkpoint else 0.0,
    )
    order = _order(section, rows)
    trainer = build_trainer(section, loaded, rows, order, watch)
    trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
    _refuse_unfinished(watch, trainer.state.global_step)
    validation = _validate(trainer.model, loaded, validation_rows, section, progress, should_stop)
    adapter_digest = write_adapter(trainer.model, output / "adapter", base_name=base.name)
    figures = {
        **_figures(section, loaded.quantization, rows, trainer.state),
        "base_digest": digest,
        "stopped": "budget" if watch.over_budget else "finished",
        "validation": validation,
        "adapter_digest": adapter_digest,
    }
    write_atomic(output / "training.json", canonical_json(figures))
    measurements = {
        **meter.read(),
        "elapsed_seconds_all_attempts": round(watch.elapsed(), 3),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "resumed_from_step": checkpoint.step if checkpoint else 0,
        "rejected_checkpoints": list(rejected),
    }
    return TrainingSummary(output / "adapter", adapter_digest, str(figures["stopped"]), figures, measurements)


def resume_key(section: TrainingSection, base: str, rows: EncodedRows) -> str:
    """What a checkpoint must agree on to be gone on from: recipe, base, encoded data and library versions.

    The budget is left out: it says how long to train, not what; a training may be continued with a larger one.
    """
    recipe = section.model_dump(mode="json", exclude={"budget", "base_model", "validation_rows"})
    return digest_bytes(
        canonical_json({"recipe": recipe, "base": base, "rows": rows.digest, "versions": library_versions()})
    )


def _encode(
    loaded: LoadedModel, table: pa.Table, section: TrainingSection, limit: int | None, should_stop: Callable[[], bool]
) -> EncodedRows:
    positions = int(loaded.model.config.max_position_embeddings)
    length = min(section.max_length, positions)
    rows = encode_rows(loaded.tokenizer, table, max_length=length, limit=limit, should_stop=should_stop)
    if rows is None:
        raise _preempted(0)
    if rows.skipped:
        _LOG.warning("%d of %d rows do not fit %d tokens and are left out", rows.skipped, rows.rows, length)
    return rows


def _order(section: TrainingSection, rows: EncodedRows) -> list[int]:
    per_step = section.batch_size * section.accumulation
    if section.max_steps is not None:
        total = section.max_steps * per_step
    else:
        total = max(1, round((section.epochs or 1.0) * len(rows.examples)))
    lengths = [len(example.prompt) + len(example.target) for example in rows.examples]
    return training_order(
        lengths, batch=section.batch_size, total=total, seed=section.seed, grouped=section.length_grouping
    )


def _refuse_unfinished(watch: Watch, steps: int) -> None:
    if watch.broken_at is not None:
        raise TrainingError(
            "TRAIN-011",
            f"the loss is not a finite number at step {watch.broken_at}",
            todo="lower learning_rate or max_grad_norm; the last good checkpoint is kept",
        )
    if watch.preempted:
        raise _preempted(steps)
    if steps == 0:
        raise TrainingError("TRAIN-012", "no step was trained", todo="raise the budget, epochs or max_steps")


def _preempted(step: int) -> Preempted:
    return Preempted(
        "TRAIN-001", f"asked to end after step {step}, which is saved", todo="start the same training again"
    )


def _validate(
    model: Any,
    loaded: LoadedModel,
    table: pa.Table | None,
    section: TrainingSection,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> dict[str, Any] | None:
    """Mean negative log-likelihood per target token, in nats, of the trained adapter on unseen rows."""
    if table is None or not table.num_rows or not section.validation_rows:
        return None
    rows = _encode(loaded, table, section, section.validation_rows, should_stop)
    model.eval()
    trained = LoadedModel(model, loaded.tokenizer, loaded.quantization, loaded.device)
    try:
        scores = score_encoded(trained, rows.examples, progress=progress, should_stop=should_stop)
    except Stopped as error:
        raise Preempted("TRAIN-001", "asked to end while validating", todo="start the same training again") from error
    tokens = sum(score.tokens for score in scores)
    nll = math.fsum(score.nll for score in scores if score.nll is not None)
    return {
        "rows": rows.rows,
        "skipped": rows.skipped,
        "tokens": tokens,
        "nll_per_token": round(nll / tokens, 4) if tokens else None,
    }


def _figures(section: TrainingSection, counted: QuantizationFacts, rows: EncodedRows, state: Any) -> dict[str, Any]:
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    tail = losses[-_FINAL_STEPS:]
    return {
        "method": section.method,
        "seed": section.seed,
        "steps": state.global_step,
        "planned_steps": state.max_steps,
        "rows": rows.rows,
        "rows_skipped": rows.skipped,
        "rows_cut": rows.cut,
        "rows_digest": rows.digest,
        "tokens_seen": int(state.num_input_tokens_seen),
        "first_loss": round(losses[0], 4),
        "final_loss": round(sum(tail) / len(tail), 4),
        "quantization": asdict(counted),
        "versions": library_versions(),
    }
