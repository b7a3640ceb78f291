"""``mlops model``: build the sample base model, scan a model directory."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops.artifacts import seal
from mlops.models.base_blocks import Passage
from mlops.models.base_corpus import as_chat, copy_drills, corpus_digest, frequent_words, standard_library_texts
from mlops.models.base_recipe import RECIPES, BuildReport, build_base
from mlops.models.errors import ModelError
from mlops.training.base_card import card

app = typer.Typer(help="Base models: build the sample's own, scan one from elsewhere.", no_args_is_help=True)

_AMOUNTS = {
    "base": {"library": 10_000, "prose": 20_000, "drills": 12_000, "talks": 22_000},
    "tiny": {"library": 400, "prose": 600, "drills": 600, "talks": 800},
}
_PROSE_SEED = 1001


@app.command("build-base")
def build_base_command(
    out: Annotated[Path, typer.Option(help="Directory to write; must not exist.")] = Path(
        "base_models/support-base-5m"
    ),
    size: Annotated[
        str, typer.Option(help="base (5.5M parameters, minutes) or tiny (0.15M, seconds, for tests).")
    ] = "base",
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 2,
) -> None:
    """Train a small base model from nothing, on text of this machine's Python and of the sample's generator."""
    import torch

    if size not in RECIPES:
        raise ModelError("MODEL-063", f"expected a size of {', '.join(RECIPES)}", todo="give one of them as --size")
    if out.exists():
        raise ModelError("MODEL-064", "the directory exists already", where=str(out), todo="remove it or give another")
    recipe = RECIPES[size]
    torch.set_num_threads(threads)
    corpus = _corpus(size)
    building = out.with_name(f"{out.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    state = out.with_name(f"{out.name}.state")
    report = build_base(recipe, corpus, building, progress=_show, checkpoint=state)
    print(file=sys.stderr)
    facts = _facts(recipe, report, corpus, size)
    (building / "README.md").write_text(card(facts), encoding="utf-8")
    artifact = seal(building, {"kind": "base_model", **facts})
    building.rename(out)
    print(f"{out}: {artifact.digest}, held-out perplexity {facts['held_out_perplexity']}")


@app.command("scan")
def scan_command(directory: Annotated[Path, typer.Argument(help="Directory of a base model or an adapter.")]) -> None:
    """Refuse a model directory that could run code, reach out, or holds damaged weights."""
    from mlops.models.identity import base_digest
    from mlops.models.safety import check_finite, scan

    files = scan(directory)
    tensors = check_finite(directory)
    print(f"{directory}: {len(files)} files, {tensors} tensors, nothing refused, {base_digest(directory)}")


def _corpus(size: str) -> dict[str, list[Passage]]:
    from mlops.datasets.sample.prose import pretraining_texts, reading_talks

    amounts = _AMOUNTS[size]
    library = standard_library_texts()[: amounts["library"]]
    words = frequent_words(library)
    talks = reading_talks(amounts["talks"], _PROSE_SEED, words)
    return {
        "library": [Passage(text) for text in library],
        "prose": [Passage(as_chat(text)) for text in pretraining_texts(amounts["prose"], _PROSE_SEED)],
        "drills": [Passage(text) for text in copy_drills(words, amounts["drills"], _PROSE_SEED)],
        "talks": [Passage(as_chat(text), names) for text, names in talks],
    }


def _facts(recipe: Any, report: BuildReport, corpus: dict[str, list[Passage]], size: str) -> dict[str, Any]:
    import math

    texts = [passage.text for kind in sorted(corpus) for passage in corpus[kind]]
    return {
        "recipe": asdict(recipe),
        "report": asdict(report),
        "held_out_perplexity": round(math.exp(report.validation_loss), 1),
        "corpus": {
            "texts": {kind: len(corpus[kind]) for kind in sorted(corpus)},
            "characters": sum(map(len, texts)),
            "digest": corpus_digest(texts),
            "prose_seed": _PROSE_SEED,
            "python": platform.python_version(),
        },
    }


def _show(done: int, total: int | None, text: str) -> None:
    end = "\n" if not sys.stderr.isatty() else ""
    if sys.stderr.isatty() or done % 20 == 0:
        print(f"\rstep {done} of {total}, {text}   ", end=end, file=sys.stderr, flush=True)
