"""`mlops privacy train-names`, as a function that `commands.py` mounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train_names(
    output: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the model and its manifest go.")],
    labelled: Annotated[
        Path | None, typer.Option(help="Your own labelled JSONL (text and spans), used beside the written text.")
    ] = None,
    sentences: Annotated[int | None, typer.Option(min=100, help="Sentences written from templates.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the sentences.")] = None,
) -> None:
    """Train the names model: on text that the project writes from templates and name tables, and on yours if you like.

    The same inputs give the same bytes. The shipped model is what comes of no options at all.
    """
    from mlops.privacy.names import training

    manifest = training.train(
        output,
        training.SENTENCES if sentences is None else sentences,
        training.SEED if seed is None else seed,
        training.read_examples(labelled) if labelled else (),
    )
    typer.echo(
        f"{manifest['sentences']} written and {manifest['labelled_sentences']} labelled texts, "
        f"{manifest['words']} words, model {manifest['model_bytes']} bytes, sha256 {manifest['model_sha256']}",
        err=True,
    )
