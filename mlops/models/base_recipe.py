"""Recipe of the project's own base models: a Llama-shaped decoder trained from nothing on a CPU in minutes.

Architecture: Llama (Touvron et al., 2023): RMSNorm, rotary positions, SwiGLU, grouped-query attention, tied embedding.
Optimizers: Muon (Jordan, 2024; ``torch.optim.Muon``) for the weight matrices, AdamW for embedding and norms; linear
warm-up, then a linear decay to zero. Forward in bf16 autocast over fp32 weights; the result is stored in bf16.

A base model is built once, sealed and used as a versioned artifact; a fine-tuning run never rebuilds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops.models.base_tokenizer import END, PAD, train_tokenizer, write_tokenizer
from mlops.models.errors import ModelError

Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class BaseRecipe:
    """Everything that fixes a base model, apart from its corpus.

    Attributes:
        hidden, intermediate: widths; multiples of 64, the block of NF4 quantization.
        block: tokens per training sequence; batch: sequences per step.
        vocabulary: tokenizer entries at most.
        validation_share: share of the token blocks held out, in [0, 0.5).
    """

    name: str
    hidden: int
    layers: int
    intermediate: int
    heads: int
    kv_heads: int
    vocabulary: int
    steps: int
    max_position: int = 1024
    block: int = 256
    batch: int = 16
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    weight_decay: float = 0.05
    warmup: int = 40
    validation_share: float = 0.02
    seed: int = 20240229


BASE = BaseRecipe("support-base-5m", 256, 6, 704, 4, 2, 4096, steps=700)
TINY = BaseRecipe("tiny-test", 64, 2, 192, 2, 1, 768, steps=200, block=128, batch=8, warmup=5)
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
    texts: Sequence[str],
    output: Path,
    *,
    progress: Progress = lambda done, total, text: None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 50,
) -> BuildReport:
    """Train a tokenizer and a model on ``texts`` and write a directory that ``transformers`` loads.

    Args:
        recipe: architecture and schedule.
        texts: documents, in the order they are packed; chat documents use the role tokens of ``base_tokenizer``.
        output: an existing, empty directory.
        progress: called after each step with (steps done, all steps, text).
        checkpoint: file to keep the state of the build in; an interrupted build goes on from there.
        checkpoint_every: steps between two writes of it.

    Raises:
        ModelError: MODEL-060 too little text, MODEL-061 the loss is no longer a number, MODEL-062 a foreign checkpoint.
    """
    import torch

    tokenizer = train_tokenizer(texts, recipe.vocabulary)
    train, held_out = _blocks(tokenizer, texts, recipe)
    torch.manual_seed(recipe.seed)
    model = new_model(recipe, tokenizer.get_vocab_size())
    losses = _train(model, train, recipe, progress, _Keeper(checkpoint, checkpoint_every, _identity(recipe, train)))
    report = BuildReport(
        steps=recipe.steps,
        tokens=recipe.steps * recipe.batch * recipe.block,
        parameters=sum(p.numel() for p in model.parameters()),
        train_loss=round(sum(losses[-50:]) / len(losses[-50:]), 4),
        validation_loss=round(_mean_loss(model, held_out, recipe.batch), 4),
        validation_tokens=held_out.shape[0] * recipe.block,
    )
    write_model(model, output)
    write_tokenizer(tokenizer, output, recipe.max_position)
    if checkpoint is not None and checkpoint.exists():
        checkpoint.unlink()
    return report


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


def _blocks(tokenizer: Any, texts: Sequence[str], recipe: BaseRecipe) -> tuple[Any, Any]:
    """Token blocks, int64 (n, block + 1): documents joined by the end token, cut, and held out every k-th."""
    import torch

    end = tokenizer.token_to_id(END)
    if tokenizer.token_to_id(PAD) != 0 or end != 1:
        raise ModelError("MODEL-060", "the tokenizer's special ids moved", todo="train it with base_tokenizer")
    stream: list[int] = []
    for encoding in tokenizer.encode_batch(list(texts)):
        stream.extend(encoding.ids)
        if not encoding.ids or encoding.ids[-1] != end:
            stream.append(end)
    width = recipe.block + 1
    count = len(stream) // width
    held_out_every = round(1 / recipe.validation_share) if recipe.validation_share else count + 1
    if count < max(2 * recipe.batch, held_out_every):
        raise ModelError(
            "MODEL-060",
            f"expected at least {max(2 * recipe.batch, held_out_every) * width} tokens of text, found {len(stream)}",
            todo="give more text or choose a smaller recipe",
        )
    table = torch.tensor(stream[: count * width], dtype=torch.int64).view(count, width)
    held_out = torch.arange(count) % held_out_every == held_out_every - 1
    return table[~held_out], table[held_out]


def _identity(recipe: BaseRecipe, train: Any) -> str:
    from mlops.artifacts import canonical_json, digest_bytes

    return digest_bytes(canonical_json(asdict(recipe)) + train.numpy().tobytes())


def _optimizers(model: Any, recipe: BaseRecipe) -> list[Any]:
    import torch

    embedding = model.get_input_embeddings().weight
    matrices = [p for p in model.parameters() if p.ndim == 2 and p is not embedding]
    others = [p for p in model.parameters() if p.ndim != 2 or p is embedding]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=recipe.weight_decay, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _rate(step: int, recipe: BaseRecipe) -> float:
    """Factor on both learning rates at a step counted from 0."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    return max(0.0, (recipe.steps - step) / max(1, recipe.steps - recipe.warmup))


class _Keeper:
    """Holds the build's state on disk, bound to the recipe and the tokens."""

    def __init__(self, path: Path | None, every: int, identity: str) -> None:
        self.path, self.every, self.identity = path, every, identity

    def restore(self, model: Any, optimizers: list[Any]) -> tuple[int, list[float]]:
        import torch

        if self.path is None or not self.path.exists():
            return 0, []
        state = torch.load(self.path, weights_only=True)
        if state["identity"] != self.identity:
            raise ModelError(
                "MODEL-062", "the checkpoint is of another build", where=str(self.path), todo="remove it, build again"
            )
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        return state["step"], state["losses"]

    def keep(self, step: int, model: Any, optimizers: list[Any], losses: list[float]) -> None:
        import torch

        if self.path is None or step % self.every:
            return
        temporary = self.path.with_name(self.path.name + ".part")
        state = {
            "identity": self.identity,
            "step": step,
            "losses": losses,
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        }
        torch.save(state, temporary)
        os.replace(temporary, self.path)


def _train(model: Any, blocks: Any, recipe: BaseRecipe, progress: Progress, keeper: _Keeper) -> list[float]:
    import torch

    optimizers = _optimizers(model, recipe)
    bases = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    start, losses = keeper.restore(model, optimizers)
    model.train()
    for step in range(start, recipe.steps):
        batch = blocks[_rows(step, len(blocks), recipe)]
        for optimizer, base in zip(optimizers, bases, strict=True):
            optimizer.param_groups[0]["lr"] = base * _rate(step, recipe)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = _loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        if losses[-1] != losses[-1]:
            raise ModelError("MODEL-061", f"the loss is not a number at step {step + 1}", todo="lower the rates")
        keeper.keep(step + 1, model, optimizers, losses)
        progress(step + 1, recipe.steps, f"loss {losses[-1]:.3f}")
    return losses


def _rows(step: int, count: int, recipe: BaseRecipe) -> Any:
    """Row numbers of one batch: passes over a fresh permutation per epoch, so that any step can be recomputed."""
    import numpy as np

    positions = np.arange(step * recipe.batch, (step + 1) * recipe.batch)
    orders = {
        int(epoch): np.random.default_rng([recipe.seed, int(epoch)]).permutation(count)
        for epoch in np.unique(positions // count)
    }
    return [int(orders[int(position // count)][position % count]) for position in positions]


def _loss(model: Any, batch: Any) -> Any:
    import torch

    logits = model(input_ids=batch[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())


def _mean_loss(model: Any, blocks: Any, batch: int) -> float:
    import torch

    model.eval()
    total = 0.0
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for piece in blocks.split(batch):
            total += float(_loss(model, piece)) * len(piece)
    return total / len(blocks)
