"""``mlops sample``: the sample use case's source data as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mlops.artifacts import write_atomic
from mlops.datasets.sample import generate


def sample_command(
    out: Annotated[Path, typer.Argument(help="JSONL file to write.")],
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows, defects included.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same rows.")] = 7,
) -> None:
    """Write the generated support conversations, defects included, as one JSON object a line."""
    lines = [json.dumps(row, ensure_ascii=False) for row in generate(rows, seed)]
    write_atomic(out, ("\n".join(lines) + "\n").encode())
    typer.echo(f"wrote {len(lines)} rows to {out}")
