"""evaluate: candidate, base, random base and the pinned champion under one harness."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mlops.artifacts import canonical_json, verify, write_atomic
from mlops.datasets.shards import read_shards
from mlops.evaluation.answering import answer_of
from mlops.evaluation.harness import Answer, draw_examples, fingerprint, predict
from mlops.evaluation.metrics import aggregate
from mlops.models.loading import load, load_tokenizer
from mlops.models.quantization import Quantization
from mlops.privacy.config import GENERIC
from mlops.privacy.detection import detect
from mlops.stages.stage_io import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``predictions-MODEL.parquet`` per model and ``models.json``: who was scored, under which harness."""
    os.environ["OMP_NUM_THREADS"] = str(context.threads)
    section, training = context.sections["evaluation"], context.sections["training"]
    rows = read_shards(context.inputs["curate"] / section.split)
    base = verify(context.root / context.pins["base_model"]["path"], context.pins["base_model"]["digest"]).path
    examples = draw_examples(rows, section)
    wanted = training.quantization
    quantization = None if wanted is None else Quantization(wanted.kind, wanted.double_quant, wanted.compute_dtype)
    harness = fingerprint(
        section,
        examples,
        chat_template=str(load_tokenizer(base).chat_template),
        dtype=quantization.compute_dtype if quantization else "bfloat16",
        device=training.device,
        quantization=quantization.kind if quantization else None,
    )

    def answers(folder: Path, adapter: Path | None = None, random_seed: int | None = None) -> Answer:
        loaded = load(
            folder, quantization=quantization, adapter=adapter, random_seed=random_seed, device=training.device
        )
        return answer_of(loaded, section, context.should_stop)

    champion = context.pins["champion"]
    models: dict[str, Callable[[], Answer]] = {"candidate": partial(answers, base, context.inputs["train"] / "adapter")}
    if "base" in section.compare_with:
        models["base"] = partial(answers, base)
    if "random" in section.compare_with:
        models["random"] = partial(answers, base, random_seed=section.seed)
    if "champion" in section.compare_with and champion is not None:
        under = verify(context.root / champion["base_model"]["path"], champion["base_model"]["digest"]).path
        models["champion"] = partial(answers, under, Path(champion["folder"]) / "adapter")
    # A date or a web address in an answer is no leak.
    personal = partial(detect, left_out=GENERIC)
    scores = predict(
        models, rows, section, harness=harness, output=context.output, detector=personal, progress=context.progress
    )
    facts = {
        "candidate": context.digests["train"],
        "base_model": context.pins["base_model"],
        "champion": None if champion is None else champion["release"],
        "models": list(models),
        "harness": {"digest": harness.digest, **harness.body},
    }
    write_atomic(context.output / "models.json", canonical_json(facts))
    figures = {name: [figure.to_json() for figure in aggregate(found)] for name, found in scores.items()}
    return StageOutcome(rows.num_rows, len(examples), {"models": figures, "harness": harness.digest})
