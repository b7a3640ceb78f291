"""The training loop of a base model: courses of weighted token blocks, two optimizers, an exact resume."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.artifacts import canonical_json, digest_bytes
from mlops.models.base_blocks import Blocks
from mlops.models.errors import ModelError

if TYPE_CHECKING:
    from mlops.models.base_recipe import BaseRecipe

Progress = Callable[[int, int | None, str], None]


class Keeper:
    """Holds the build's state on disk, bound to the recipe and the tokens."""

    def __init__(self, path: Path | None, every: int, identity: str) -> None:
        self.path, self.every, self.identity = path, every, identity

    def read(self) -> dict[str, Any] | None:
        """The state on disk, or None.

        Raises:
            ModelError: MODEL-062 the checkpoint is of another build.
        """
        import torch

        if self.path is None or not self.path.exists():
            return None
        state: dict[str, Any] = torch.load(self.path, weights_only=True)
        if state["identity"] != self.identity:
            raise ModelError(
                "MODEL-062", "the checkpoint is of another build", where=str(self.path), todo="remove it, build again"
            )
        return state

    @staticmethod
    def restore(state: dict[str, Any], model: Any, optimizers: list[Any]) -> list[float]:
        """Put a state back; returns the losses so far."""
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        return list(state["losses"])

    def keep(self, step: int, model: Any, optimizers: list[Any], losses: list[float]) -> None:
        """Write the state every few steps, whole or not at all."""
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


def identity(recipe: BaseRecipe, courses: Sequence[Sequence[Blocks]]) -> str:
    """Digest of everything that fixes a build's weights."""
    tokens = [[blocks.digest for blocks in course] for course in courses]
    return digest_bytes(canonical_json({"recipe": asdict(recipe), "tokens": tokens}))


def train(
    model: Any, courses: Sequence[Sequence[Blocks]], recipe: BaseRecipe, progress: Progress, keeper: Keeper
) -> list[float]:
    """Take the model through the recipe's courses in place; returns the loss of every step.

    Each course starts its own warm-up and decay with fresh optimizers.

    Raises:
        ModelError: MODEL-061 the loss is no longer a number, MODEL-062 a foreign checkpoint.
    """
    import torch

    total = sum(course.steps for course in recipe.courses)
    done, losses = 0, list[float]()
    saved = keeper.read()
    model.train()
    for course, blocks in zip(recipe.courses, courses, strict=True):
        optimizers = _optimizers(model, recipe)
        bases = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
        first = 0
        if saved is not None and done <= saved["step"] < done + course.steps:
            first, losses = saved["step"] - done, keeper.restore(saved, model, optimizers)
        elif saved is not None and saved["step"] >= done + course.steps:
            first = course.steps
        for step in range(first, course.steps):
            for optimizer, base in zip(optimizers, bases, strict=True):
                optimizer.param_groups[0]["lr"] = base * _rate(step, course.steps, recipe.warmup)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = weighted_loss(model, *_batch(blocks, step, recipe.seed))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
            if losses[-1] != losses[-1]:
                raise ModelError("MODEL-061", f"the loss is not a number at step {done + step + 1}", todo="lower rates")
            keeper.keep(done + step + 1, model, optimizers, losses)
            progress(done + step + 1, total, f"loss {losses[-1]:.3f}")
        done += course.steps
    return losses


def _batch(blocks: Sequence[Blocks], step: int, seed: int) -> tuple[Any, Any]:
    """Ids and weights of one step: each kind of text gives its rows, in passes over fresh permutations."""
    import torch

    picked = [(part, _rows(step, part.count, part.rows, seed)) for part in blocks]
    ids = torch.cat([part.ids[rows] for part, rows in picked])
    return ids, torch.cat([part.weights[rows] for part, rows in picked])


def _rows(step: int, count: int, rows: int, seed: int) -> list[int]:
    """Row numbers of one kind of text: any step can be recomputed, so a build can go on from any step."""
    import numpy as np

    positions = np.arange(step * rows, (step + 1) * rows)
    orders = {
        int(epoch): np.random.default_rng([seed, int(epoch)]).permutation(count)
        for epoch in np.unique(positions // count)
    }
    return [int(orders[int(position // count)][position % count]) for position in positions]


def _rate(step: int, steps: int, warmup: int) -> float:
    """Factor on both learning rates at a step of a course, counted from 0."""
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def _optimizers(model: Any, recipe: BaseRecipe) -> list[Any]:
    import torch

    embedding = model.get_input_embeddings().weight
    matrices = [p for p in model.parameters() if p.ndim == 2 and p is not embedding]
    others = [p for p in model.parameters() if p.ndim != 2 or p is embedding]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=recipe.weight_decay, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def weighted_loss(model: Any, ids: Any, weights: Any) -> Any:
    """Cross-entropy in nats, averaged over tokens by their weights."""
    import torch

    logits = model(input_ids=ids[:, :-1]).logits.float().flatten(0, 1)
    losses = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten(), reduction="none")
    scale = weights[:, 1:].flatten()
    return (losses * scale).sum() / scale.sum()


def mean_loss(model: Any, ids: Any, batch: int) -> float:
    """Cross-entropy in nats per token over held-out blocks, every token counted alike."""
    import torch

    model.eval()
    total = 0.0
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for piece in ids.split(batch):
            total += float(weighted_loss(model, piece, torch.ones(piece.shape))) * len(piece)
    return total / len(ids)
