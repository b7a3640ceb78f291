"""train: QLoRA on the curated rows, after the purpose gate."""

from __future__ import annotations

import os

from mlops.artifacts import verify
from mlops.datasets.shards import read_shards
from mlops.stages.stage_io import StageContext, StageOutcome
from mlops.training.qlora import train


def run(context: StageContext) -> StageOutcome:
    """Writes ``adapter/`` and ``training.json``; goes on from a checkpoint of the same key if there is one."""
    os.environ["OMP_NUM_THREADS"] = str(context.threads)
    section, pin = context.sections["training"], context.pins["base_model"]
    base = verify(context.root / pin["path"], pin["digest"]).path
    rows = read_shards(context.inputs["curate"] / "train")
    summary = train(
        section,
        base,
        rows,
        read_shards(context.inputs["curate"] / "validation"),
        output=context.output,
        checkpoints=context.checkpoints,
        series=context.attempt_dir / "series.jsonl",
        progress=context.progress,
        should_stop=context.should_stop,
        threads=context.threads,
    )
    figures = {**summary.figures, "tokens": summary.figures["tokens_seen"]}
    return StageOutcome(rows.num_rows, None, figures, measurements=summary.measurements)
