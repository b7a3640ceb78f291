"""Recipe of the project's own base models: a Llama-shaped decoder trained from nothing on a CPU in minutes.

Architecture: Llama (Touvron et al., 2023): RMSNorm, rotary positions, SwiGLU, grouped-query attention, tied embedding.
Optimizers: Muon (Jordan, 2024; ``torch.optim.Muon``) for the weight matrices, AdamW for embedding and norms; linear
warm-up, then a linear decay to zero. Forward in bf16 autocast over fp32 weights; the result is stored in bf16.

A base model is built once, sealed and used as a versioned artifact; a fine-tuning run never rebuilds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops.models.base_blocks import Blocks, Passage, Weights, blocks_of
from mlops.models.base_tokenizer import train_tokenizer, write_tokenizer
from mlops.models.base_training import Keeper, Progress, identity, mean_loss, train


@dataclass(frozen=True)
class Course:
    """A part of the training with its own mix of texts, warm-up and decay.

    Attributes:
        rows: blocks per step by kind of text (``library``, ``prose``, ``drills``, ``talks``).
        weights: how much the loss of a token counts.
    """

    steps: int
    rows: tuple[tuple[str, int], ...]
    weights: Weights


@dataclass(frozen=True)
class BaseRecipe:
    """Everything that fixes a base model, apart from its corpus.

    Attributes:
        hidden, intermediate: widths; multiples of 64, the block of NF4 quantization.
        block: tokens per training sequence.
        vocabulary: tokenizer entries at most.
        validation_share: share of the last course's token blocks held out, in [0, 0.5).
    """

    name: str
    hidden: int
    layers: int
    intermediate: int
    heads: int
    kv_heads: int
    vocabulary: int
    courses: tuple[Course, ...]
    max_position: int = 1024
    block: int = 192
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    weight_decay: float = 0.05
    warmup: int = 20
    validation_share: float = 0.02
    seed: int = 20240229


# A small model takes the short way where it can: it learns how often each product is named, and not to look it up. So
# the first course drills copying, and the second names hundreds of words in place of a few products and counts the
# words of an answer that only the question gives.
_READING = Weights(document=0.3, question=0.1, answer=1.0, focus=3.0)


def _courses(first: int, second: int, size: int) -> tuple[Course, ...]:
    mixed = (("drills", size // 2), ("library", size // 8), ("prose", size - size // 2 - size // 8))
    return Course(first, mixed, Weights()), Course(
        second, (("talks", size - size // 8), ("library", size // 8)), _READING
    )


BASE = BaseRecipe("support-base-5m", 256, 6, 704, 4, 2, 4096, _courses(240, 400, 16))
TINY = BaseRecipe("tiny-test", 64, 2, 192, 2, 1, 768, _courses(100, 100, 8), block=128, warmup=5)
RECIPES: dict[str, BaseRecipe] = {"base": BASE, "tiny": TINY}


@dataclass(frozen=True)
class BuildReport:
    """What a build measured: cross-entropy in nats per token, over the last 50 steps and the held-out blocks."""

    steps: int
    tokens: int
    parameters: int
    train_loss: float
    validation_loss: float
    validation_tokens: int


def build_base(
    recipe: BaseRecipe,
    corpus: Mapping[str, Sequence[Passage]],
    output: Path,
    *,
    progress: Progress = lambda done, total, text: None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 50,
) -> BuildReport:
    """Train a tokenizer and a model on a corpus and write a directory that ``transformers`` loads.

    Args:
        recipe: architecture and schedule.
        corpus: passages by kind of text, in the order they are packed; every kind that a course names.
        output: an existing, empty directory.
        progress: called after each step with (steps done, all steps, text).
        checkpoint: file to keep the state of the build in; an interrupted build goes on from there.
        checkpoint_every: steps between two writes of it.

    Raises:
        ModelError: MODEL-060 too little text, MODEL-061 the loss is no longer a number, MODEL-062 a foreign checkpoint.
    """
    import torch

    vocabulary_texts = [passage.text for kind in sorted(corpus) if kind != "drills" for passage in corpus[kind]]
    tokenizer = train_tokenizer(vocabulary_texts, recipe.vocabulary)
    courses = [
        [blocks_of(tokenizer, corpus[kind], course.weights, recipe.block, rows) for kind, rows in course.rows]
        for course in recipe.courses
    ]
    courses[-1], held_out = _hold_out(courses[-1], recipe)
    torch.manual_seed(recipe.seed)
    model = new_model(recipe, tokenizer.get_vocab_size())
    losses = train(model, courses, recipe, progress, Keeper(checkpoint, checkpoint_every, identity(recipe, courses)))
    sizes = [course.steps * sum(rows for _, rows in course.rows) for course in recipe.courses]
    report = BuildReport(
        steps=len(losses),
        tokens=sum(sizes) * recipe.block,
        parameters=sum(p.numel() for p in model.parameters()),
        train_loss=round(sum(losses[-50:]) / len(losses[-50:]), 4),
        validation_loss=round(mean_loss(model, held_out, 16), 4),
        validation_tokens=held_out.shape[0] * recipe.block,
    )
    write_model(model, output)
    write_tokenizer(tokenizer, output, recipe.max_position)
    if checkpoint is not None and checkpoint.exists():
        checkpoint.unlink()
    return report


def _hold_out(course: Sequence[Blocks], recipe: BaseRecipe) -> tuple[list[Blocks], Any]:
    """Every k-th block of each kind of text is kept out of training; returns what trains and the ids held out."""
    import torch

    every = round(1 / recipe.validation_share)
    out = [torch.arange(blocks.count) % every == every - 1 for blocks in course]
    kept = [
        replace(blocks, ids=blocks.ids[~chosen], weights=blocks.weights[~chosen])
        for blocks, chosen in zip(course, out, strict=True)
    ]
    return kept, torch.cat([blocks.ids[chosen] for blocks, chosen in zip(course, out, strict=True)])


def new_model(recipe: BaseRecipe, vocabulary: int) -> Any:
    """A freshly initialised fp32 model of the recipe's shape; draws from torch's global generator."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        intermediate_size=recipe.intermediate,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.kv_heads,
        vocab_size=vocabulary,
        max_position_embeddings=recipe.max_position,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config)


def write_model(model: Any, output: Path) -> None:
    """Write ``config.json``, ``generation_config.json`` and ``model.safetensors`` in bf16."""
    import torch
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    model = model.to(torch.bfloat16)
    model.config._name_or_path = ""
    model.save_pretrained(output)
    (output / "model.safetensors").chmod(0o644)
