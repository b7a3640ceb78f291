"""From chat rows to token ids, and the order in which they are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlops.models.prompting import EncodedExample, encode_example
from mlops.training.errors import TrainingError

_MEGABATCH = 16


@dataclass(frozen=True)
class EncodedRows:
    """Rows ready for training.

    Attributes:
        examples: the rows that fit, in the order of the table.
        rows: rows read; skipped: rows whose target does not fit ``max_length``, which are not trained on;
            cut: rows whose prompt lost tokens on its left.
        digest: SHA-256 over all ids, ``sha256:<64 hex>``.
    """

    examples: tuple[EncodedExample, ...]
    rows: int
    skipped: int
    cut: int
    digest: str


def encode_rows(
    tokenizer: Any,
    table: pa.Table,
    *,
    max_length: int,
    limit: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> EncodedRows | None:
    """Encode the ``messages`` column of a table in the canonical chat schema.

    Args:
        max_length: tokens of prompt and target together.
        limit: rows read at most, from the top.

    Returns:
        ``None`` when ``should_stop`` said so.

    Raises:
        ModelError: MODEL-040 and MODEL-041 of :func:`mlops.models.prompting.encode_example`.
    """
    examples: list[EncodedExample] = []
    hasher = hashlib.sha256()
    rows = skipped = 0
    for batch in table.select(["messages"]).slice(0, limit).to_batches(max_chunksize=1024):
        if should_stop():
            return None
        for messages in batch.column(0).to_pylist():
            rows += 1
            example = encode_example(tokenizer, messages, max_length=max_length)
            if example is None:
                skipped += 1
                continue
            examples.append(example)
            hasher.update(np.array([len(example.prompt), *example.prompt, *example.target], dtype="<u4").tobytes())
    cut = sum(example.cut > 0 for example in examples)
    return EncodedRows(tuple(examples), rows, skipped, cut, "sha256:" + hasher.hexdigest())


def training_order(lengths: list[int], *, batch: int, total: int, seed: int, grouped: bool) -> list[int]:
    """The row numbers of a whole training, first to last: a pure function, so any step of it can be found again.

    Each pass over the rows is a fresh permutation. With ``grouped``, stretches of 16 batches are sorted by length and
    cut into batches, whose order is drawn again, so that rows of like length meet.

    Args:
        lengths: tokens per row, at least one row.
        batch: rows per forward pass.
        total: rows to deliver; the last pass is cut short.
        seed: fixes the order.

    Raises:
        TrainingError: TRAIN-010 there is no row.
    """
    if not lengths:
        raise TrainingError(
            "TRAIN-010", "expected training rows, found none that fits", todo="raise max_length or look at the curation"
        )
    order: list[int] = []
    passes = 0
    while len(order) < total:
        order.extend(np.random.default_rng([seed, 0, passes]).permutation(len(lengths)).tolist())
        passes += 1
    order = order[:total]
    return _grouped(order, lengths, batch, seed) if grouped else order


def _grouped(order: list[int], lengths: list[int], batch: int, seed: int) -> list[int]:
    stretch = _MEGABATCH * batch
    grouped: list[int] = []
    for start in range(0, len(order), stretch):
        rows = sorted(order[start : start + stretch], key=lambda row: -lengths[row])
        batches = [rows[i : i + batch] for i in range(0, len(rows), batch)]
        # A batch that is not full stays last: anywhere else it would shift the cuts of all batches after it.
        rest = [batches.pop()] if len(batches[-1]) < batch else []
        drawn = np.random.default_rng([seed, 1, start]).permutation(len(batches))
        grouped.extend(row for rows in [*(batches[i] for i in drawn), *rest] for row in rows)
    return grouped
