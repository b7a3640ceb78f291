"""From passages to blocks of token ids, each token with the weight of its loss."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops.models.base_tokenizer import END, PAD
from mlops.models.errors import ModelError

_SHORTEST_FOCUS = 3


@dataclass(frozen=True)
class Passage:
    """A text to learn from.

    Attributes:
        text: a document, or a chat as the chat template renders it.
        focus: words of an answer that can only be known by reading the question.
    """

    text: str
    focus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """How much a token's loss counts.

    Attributes:
        document: tokens of texts that are no chat.
        question: tokens of a user's turn and the marks of turns.
        answer: tokens of an assistant's turn.
        focus: tokens of an answer's focus words.
    """

    document: float = 1.0
    question: float = 1.0
    answer: float = 1.0
    focus: float = 1.0


@dataclass(frozen=True)
class Blocks:
    """Token blocks of one kind of text: ``ids`` and ``weights`` are (n, block + 1); ``rows`` of them go in a batch."""

    ids: Any
    weights: Any
    rows: int
    digest: str

    @property
    def count(self) -> int:
        """Number of blocks."""
        return int(self.ids.shape[0])


def blocks_of(tokenizer: Any, passages: Sequence[Passage], weights: Weights, block: int, rows: int) -> Blocks:
    """Join the passages by the end token and cut them into blocks.

    Raises:
        ModelError: MODEL-060 fewer than two batches of blocks, or the tokenizer's special ids moved.
    """
    import torch

    end = tokenizer.token_to_id(END)
    if tokenizer.token_to_id(PAD) != 0 or end != 1:
        raise ModelError("MODEL-060", "the tokenizer's special ids moved", todo="train it with base_tokenizer")
    ids: list[int] = []
    scales: list[float] = []
    for passage, encoding in zip(passages, tokenizer.encode_batch([p.text for p in passages]), strict=True):
        ids += encoding.ids
        scales += _scales(passage, encoding, weights, tokenizer)
        if not encoding.ids or encoding.ids[-1] != end:
            ids.append(end)
            scales.append(weights.document)
    width = block + 1
    count = len(ids) // width
    if count < 2 * rows:
        raise ModelError(
            "MODEL-060",
            f"expected at least {2 * rows * width} tokens of text, found {len(ids)}",
            todo="give more text or choose a smaller recipe",
        )
    table = torch.tensor(ids[: count * width], dtype=torch.int64).view(count, width)
    scale = torch.tensor(scales[: count * width], dtype=torch.float32).view(count, width)
    digest = hashlib.sha256(table.numpy().tobytes() + scale.numpy().tobytes()).hexdigest()
    return Blocks(table, scale, rows, f"sha256:{digest}")


def _scales(passage: Passage, encoding: Any, weights: Weights, tokenizer: Any) -> list[float]:
    user, assistant = tokenizer.token_to_id("<|user|>"), tokenizer.token_to_id("<|assistant|>")
    if not encoding.ids or encoding.ids[0] != user:
        return [weights.document] * len(encoding.ids)
    scales, current = [], weights.question
    for token, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
        if token in (user, assistant):
            current = weights.answer if token == assistant else weights.question
            scales.append(weights.question)
            continue
        piece = passage.text[start:stop].strip()
        read = current == weights.answer and len(piece) >= _SHORTEST_FOCUS
        scales.append(weights.focus if read and any(word.startswith(piece) for word in passage.focus) else current)
    return scales
