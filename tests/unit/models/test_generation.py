"""Completions and scores come back in the order asked, and agree with the slow and plain way of computing them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mlops.models.errors import ModelError, Stopped
from mlops.models.generation import generate, score_nll
from mlops.models.loading import LoadedModel, load
from mlops.models.prompting import encode_example, encode_prompt
from mlops.models.quantization import Quantization

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "base_models" / "tiny-test"
TEXT = "the parcel with my router did not come and nobody answers the phone when I call about it"
WORDS = TEXT.split()
PROMPTS = [[{"role": "user", "content": " ".join(WORDS[: 1 + (7 * i) % len(WORDS)])}] for i in range(11)]
CONVERSATIONS = [[*p, {"role": "assistant", "content": " ".join(WORDS[i:])}] for i, p in enumerate(PROMPTS)]


@pytest.fixture(scope="module")
def exact() -> LoadedModel:
    """fp32 products, where padding moves sums by less than any near-tie."""
    return load(TINY, quantization=Quantization(compute_dtype="float32"))


def _plain_greedy(loaded: LoadedModel, prompt: list[dict[str, str]], limit: int) -> str:
    ids = list(encode_prompt(loaded.tokenizer, prompt))
    new: list[int] = []
    with torch.no_grad():
        while len(new) < limit and (not new or new[-1] != loaded.tokenizer.eos_token_id):
            new.append(int(loaded.model(input_ids=torch.tensor([ids + new])).logits[0, -1].argmax()))
    return str(loaded.tokenizer.decode(new, skip_special_tokens=True))


@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_batched_completions_are_the_plain_greedy_ones_in_the_order_given(exact: LoadedModel, batch_size: int) -> None:
    found = generate(exact, PROMPTS, max_new_tokens=12, batch_size=batch_size)
    assert [g.text for g in found] == [_plain_greedy(exact, p, 12) for p in PROMPTS]
    assert len({g.text for g in found}) > 1, "equal completions everywhere would hide a wrong order"


def test_the_order_of_the_prompts_does_not_decide_the_texts(exact: LoadedModel) -> None:
    forward = generate(exact, PROMPTS, max_new_tokens=8, batch_size=3)
    backward = generate(exact, PROMPTS[::-1], max_new_tokens=8, batch_size=3)
    assert [g.text for g in forward] == [g.text for g in backward[::-1]]


def test_bf16_completions_repeat_exactly() -> None:
    loaded = load(TINY, quantization=Quantization())
    assert generate(loaded, PROMPTS, max_new_tokens=8) == generate(loaded, PROMPTS, max_new_tokens=8)


def test_a_completion_stops_at_the_end_token_and_says_so(exact: LoadedModel) -> None:
    """The model is turned into one that ends at once, by giving the end token's embedding all the weight."""
    loaded = load(TINY, quantization=Quantization(compute_dtype="float32"))
    first = int(encode_prompt(loaded.tokenizer, PROMPTS[0])[-1])
    with torch.no_grad():
        hidden = loaded.model.model(input_ids=torch.tensor([[first]])).last_hidden_state[0, -1]
        loaded.model.get_input_embeddings().weight[loaded.tokenizer.eos_token_id] = 100 * hidden
    found = generate(loaded, PROMPTS[:1], max_new_tokens=5)[0]
    assert (found.text, found.tokens, found.finished) == ("", 1, True)
    assert not generate(exact, PROMPTS[:1], max_new_tokens=1)[0].finished


def test_a_long_prompt_loses_its_left_and_says_how_much(exact: LoadedModel) -> None:
    long = [{"role": "user", "content": " ".join(WORDS * 30)}]
    whole = len(encode_prompt(exact.tokenizer, long))
    found = generate(exact, [long], max_new_tokens=4, max_length=50)[0]
    assert (found.prompt_tokens, found.cut_tokens) == (50, whole - 50)


def test_no_room_for_a_prompt_is_an_error(exact: LoadedModel) -> None:
    with pytest.raises(ModelError, match="MODEL-050"):
        generate(exact, PROMPTS, max_new_tokens=1024)


def test_nothing_in_nothing_out(exact: LoadedModel) -> None:
    assert generate(exact, []) == []
    assert score_nll(exact, []) == []


def test_scores_are_those_of_one_unpadded_pass_each(exact: LoadedModel) -> None:
    found = score_nll(exact, CONVERSATIONS, batch_size=4)
    for score, conversation in zip(found, CONVERSATIONS, strict=True):
        example = encode_example(exact.tokenizer, conversation, max_length=1024)
        assert example is not None
        with torch.no_grad():
            logits = exact.model(input_ids=torch.tensor([[*example.prompt, *example.target]])).logits[0].float()
        log_p = logits.log_softmax(-1)
        start = len(example.prompt) - 1
        expected = -sum(float(log_p[start + i, token]) for i, token in enumerate(example.target))
        assert score.nll == pytest.approx(expected, rel=1e-4)
        assert score.tokens == len(example.target)


def test_a_target_that_does_not_fit_is_unscored_not_zero(exact: LoadedModel) -> None:
    found = score_nll(exact, CONVERSATIONS[:2], max_length=5)
    assert [(s.nll, s.tokens) for s in found] == [(None, 0), (None, 0)]


def test_progress_counts_up_and_a_stop_is_heard(exact: LoadedModel) -> None:
    seen: list[tuple[int, int | None]] = []
    generate(exact, PROMPTS, max_new_tokens=2, batch_size=4, progress=lambda d, t, _: seen.append((d, t)))
    assert seen == [(4, 11), (8, 11), (11, 11)]
    with pytest.raises(Stopped, match="MODEL-051"):
        generate(exact, PROMPTS, should_stop=lambda: True)
    with pytest.raises(Stopped, match="MODEL-051"):
        score_nll(exact, CONVERSATIONS, should_stop=lambda: True)
