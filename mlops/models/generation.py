"""Batched greedy generation and scoring of targets, in the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.models.errors import ModelError, Stopped
from mlops.models.loading import LoadedModel
from mlops.models.prompting import EncodedExample, Message, encode_example, encode_prompt

Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class Generation:
    """One greedy completion.

    Attributes:
        text: without special tokens.
        tokens: generated ids, the end token included where there was one.
        finished: the model ended by itself, not by the limit.
        prompt_tokens: ids of the prompt as used; cut_tokens: ids dropped from its left.
    """

    text: str
    tokens: int
    finished: bool
    prompt_tokens: int
    cut_tokens: int


@dataclass(frozen=True)
class TargetScore:
    """Negative log-likelihood of one target.

    Attributes:
        nll: sum over the target's tokens, in nats, computed in fp32 from the model's logits; ``None`` where the target
            does not fit the length limit: such rows are never scored as something else.
        tokens: number of target tokens, the end token included; 0 where ``nll`` is ``None``.
    """

    nll: float | None
    tokens: int


def generate(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int = 96,
    batch_size: int = 64,
    max_length: int | None = None,
    progress: Progress = lambda done, total, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Generation]:
    """Complete each conversation greedily.

    Prompts are sorted by length and padded on the left, and rows leave the batch when they end. In exact arithmetic
    a completion does not depend on its neighbours; in bf16 the padding changes the order of sums, so near-ties may
    fall otherwise under another batch size. The batches are a function of the inputs: the same call gives the same
    texts, and a harness must hold ``batch_size`` fixed.

    Args:
        prompts: conversations without the message to generate.
        max_new_tokens: limit per completion, at least 1.
        max_length: most prompt tokens; default: the model's positions less ``max_new_tokens``.

    Returns:
        one result per prompt, in the order given.

    Raises:
        ModelError: MODEL-050 no room for a prompt under the limits.
        Stopped: ``should_stop`` said so, asked at each token.
    """
    positions = int(loaded.model.config.max_position_embeddings)
    room = min(max_length or positions, positions - max_new_tokens)
    if room < 1 or max_new_tokens < 1:
        raise ModelError(
            "MODEL-050", f"no room for a prompt beside {max_new_tokens} new tokens", todo="lower max_new_tokens"
        )
    encoded = [encode_prompt(loaded.tokenizer, prompt) for prompt in prompts]
    order = sorted(range(len(encoded)), key=lambda index: (len(encoded[index][-room:]), index))
    results: dict[int, Generation] = {}
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        completions = _decode(loaded, [encoded[i][-room:] for i in chosen], max_new_tokens, should_stop)
        for index, ids in zip(chosen, completions, strict=True):
            results[index] = _describe(loaded, ids, encoded[index], room)
        progress(len(results), len(prompts), "completions")
    return [results[index] for index in range(len(prompts))]


def end_ids(loaded: LoadedModel) -> list[int]:
    """Ids that end a completion: the tokenizer's end token and those of the model's generation configuration."""
    declared = loaded.model.generation_config.eos_token_id
    more = declared if isinstance(declared, list) else [declared]
    return sorted({loaded.tokenizer.eos_token_id, *(i for i in more if i is not None)})


def _describe(loaded: LoadedModel, ids: list[int], prompt: tuple[int, ...], room: int) -> Generation:
    finished = bool(ids) and ids[-1] in end_ids(loaded)
    text = loaded.tokenizer.decode(ids, skip_special_tokens=True)
    return Generation(text, len(ids), finished, min(len(prompt), room), max(0, len(prompt) - room))


def _decode(
    loaded: LoadedModel, prompts: list[tuple[int, ...]], max_new_tokens: int, should_stop: Callable[[], bool]
) -> list[list[int]]:
    """Greedy ids of one batch. A row that has ended is dropped from cache and mask, so that it costs nothing more."""
    import torch
    from transformers import DynamicCache

    ids, mask = _pad_left(prompts, loaded)
    ends = torch.tensor(end_ids(loaded), device=loaded.device)
    done: list[list[int]] = [[] for _ in prompts]
    alive = list(range(len(prompts)))
    cache = DynamicCache(config=loaded.model.config)
    with torch.inference_mode():
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        for _ in range(max_new_tokens):
            if should_stop():
                raise Stopped("MODEL-051", "generation was asked to stop", todo="run it again")
            output = loaded.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, logits_to_keep=1
            )
            choice = output.logits[:, -1].argmax(-1)
            for row, token in zip(alive, choice.tolist(), strict=True):
                done[row].append(token)
            keep = (~torch.isin(choice, ends)).nonzero().flatten()
            if not len(keep):
                break
            last = positions[:, -1:]
            if len(keep) < len(alive):
                alive = [alive[k] for k in keep.tolist()]
                cache.batch_select_indices(keep)
                choice, mask, last = choice[keep], mask[keep], last[keep]
            ids, positions = choice[:, None], last + 1
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
    return done


def _pad_left(prompts: list[tuple[int, ...]], loaded: LoadedModel) -> tuple[Any, Any]:
    import torch

    width = max(len(prompt) for prompt in prompts)
    pad = loaded.tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], dtype=torch.int64)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], dtype=torch.int64)
    return ids.to(loaded.device), mask.to(loaded.device)


def score_nll(
    loaded: LoadedModel,
    conversations: Sequence[Sequence[Message]],
    *,
    batch_size: int = 32,
    max_length: int | None = None,
    progress: Progress = lambda done, total, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[TargetScore]:
    """Score the last assistant message of each conversation under the model.

    Args:
        conversations: each ends with the assistant's message.
        max_length: most tokens of prompt and target; default: the model's positions. Prompts are cut from the left.

    Returns:
        one score per conversation, in the order given.

    Raises:
        ModelError: what :func:`mlops.models.prompting.encode_example` refuses.
        Stopped: ``should_stop`` said so, asked before each batch.
    """
    limit = max_length or int(loaded.model.config.max_position_embeddings)
    examples = [encode_example(loaded.tokenizer, messages, max_length=limit) for messages in conversations]
    return score_encoded(loaded, examples, batch_size=batch_size, progress=progress, should_stop=should_stop)


def score_encoded(
    loaded: LoadedModel,
    examples: Sequence[EncodedExample | None],
    *,
    batch_size: int = 32,
    progress: Progress = lambda done, total, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[TargetScore]:
    """Like :func:`score_nll`, for examples already encoded; ``None`` stays unscored."""
    scores = [TargetScore(None, 0) for _ in examples]
    present = [(index, example) for index, example in enumerate(examples) if example is not None]
    present.sort(key=lambda pair: (len(pair[1].prompt) + len(pair[1].target), pair[0]))
    for start in range(0, len(present), batch_size):
        if should_stop():
            raise Stopped("MODEL-051", "scoring was asked to stop", todo="run it again")
        chosen = present[start : start + batch_size]
        for (index, example), nll in zip(chosen, _nll(loaded, [e for _, e in chosen]), strict=True):
            scores[index] = TargetScore(nll, len(example.target))
        progress(start + len(chosen), len(present), "targets scored")
    return scores


def _nll(loaded: LoadedModel, batch: list[EncodedExample]) -> list[float]:
    """Sum of -log p over each target; right padding, which a causal model never looks at."""
    import torch

    width = max(len(e.prompt) + len(e.target) for e in batch)
    pad = loaded.tokenizer.pad_token_id
    rows = [[*e.prompt, *e.target] for e in batch]
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=loaded.device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=loaded.device)
    keep = width - min(len(e.prompt) for e in batch) + 1
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, attention_mask=mask, logits_to_keep=keep).logits.float()
    offset = width - logits.shape[1]
    sums = []
    for row, example in enumerate(batch):
        first, last = len(example.prompt) - offset - 1, len(example.prompt) + len(example.target) - offset - 1
        targets = torch.tensor(example.target, device=loaded.device)
        sums.append(float(torch.nn.functional.cross_entropy(logits[row, first:last], targets, reduction="sum")))
    return sums
