"""A base model is a function of recipe and corpus, and an interrupted build goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.artifacts import digest_file, verify
from mlops.models.base_blocks import Passage, Weights, blocks_of
from mlops.models.base_corpus import as_chat, copy_drills, corpus_digest, frequent_words
from mlops.models.base_recipe import TINY, BaseRecipe, Course, build_base
from mlops.models.base_tokenizer import train_tokenizer
from mlops.models.errors import ModelError
from mlops.models.loading import load
from mlops.models.safety import scan

ROOT = Path(__file__).resolve().parents[3]
COURSES = (Course(5, (("text", 4),), Weights()), Course(3, (("text", 4),), Weights(document=0.5)))
RECIPE = replace(TINY, courses=COURSES, block=32, warmup=2, vocabulary=300, validation_share=0.1)
TEXTS = [
    f"Entry {i}: the {'red' if i % 2 else 'blue'} lamp costs {i}.50 and ships in {i % 7} days." for i in range(200)
]


def _weights(directory: Path) -> str:
    return digest_file(directory / "model.safetensors")


def _build(directory: Path, recipe: BaseRecipe = RECIPE, **options: object) -> str:
    directory.mkdir()
    build_base(recipe, {"text": [Passage(text) for text in TEXTS]}, directory, **options)  # type: ignore[arg-type]
    return _weights(directory)


def test_the_same_recipe_and_texts_give_the_same_bytes_and_a_model_that_loads(tmp_path: Path) -> None:
    first, second = _build(tmp_path / "a"), _build(tmp_path / "b")
    assert first == second
    assert first != _build(tmp_path / "c", replace(RECIPE, seed=1))
    scan(tmp_path / "a")
    assert load(tmp_path / "a", quantization=None).tokenizer.chat_template


def test_an_interrupted_build_gives_the_same_bytes(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def interrupt(done: int, total: int | None, text: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path / "a", checkpoint=state, checkpoint_every=2, progress=interrupt)
    steps: list[int] = []
    resumed = _build(tmp_path / "b", checkpoint=state, checkpoint_every=2, progress=lambda done, *_: steps.append(done))
    assert steps == [5, 6, 7, 8]
    assert resumed == _build(tmp_path / "c")
    assert not state.exists()


def test_the_checkpoint_of_another_build_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def interrupt(done: int, total: int | None, text: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path / "a", checkpoint=state, checkpoint_every=2, progress=interrupt)
    with pytest.raises(ModelError, match="MODEL-062"):
        _build(tmp_path / "b", replace(RECIPE, seed=9), checkpoint=state)


def test_too_little_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="MODEL-060"):
        build_base(RECIPE, {"text": [Passage(text) for text in TEXTS[:3]]}, tmp_path)


def test_talks_become_the_turns_that_the_chat_template_renders() -> None:
    talk = "Customer: my lamp\nis broken\nAgent: We send a new one."
    assert as_chat(talk) == "<|user|>my lamp\nis broken<|end|><|assistant|>We send a new one.<|end|>"
    assert as_chat("A page: about lamps") == "A page: about lamps"
    assert corpus_digest(["ab", "c"]) != corpus_digest(["a", "bc"])


def test_the_words_that_only_the_question_gives_count_most() -> None:
    text = "<|user|>my lamp is dark<|end|><|assistant|>We mend your lamp.<|end|>"
    tokenizer = train_tokenizer([text] * 50, 300)
    weights = Weights(document=0.3, question=0.1, answer=1.0, focus=3.0)
    blocks = blocks_of(tokenizer, [Passage(text, ("lamp",))] * 20, weights, 15, 1)
    by_token: dict[str, set[float]] = {}
    for token, weight in zip(blocks.ids.flatten().tolist(), blocks.weights.flatten().tolist(), strict=True):
        by_token.setdefault(tokenizer.id_to_token(token), set()).add(round(weight, 3))
    assert {0.1, 3.0} <= by_token["Ġlamp"]  # in the question and in the answer
    assert by_token["<|assistant|>"] == {0.1}


def test_drills_repeat_what_they_began_with_and_depend_on_their_seed_alone() -> None:
    words = frequent_words(["alpha bravo charlie delta foxtrot golf hotel india"] * 5)
    assert list(copy_drills(words, 30, 1)) == list(copy_drills(words, 30, 1))
    assert list(copy_drills(words, 30, 1)) != list(copy_drills(words, 30, 2))
    repeated = [drill for drill in copy_drills(words, 60, 3) if "\n" in drill]
    assert repeated
    assert all(len(set(drill.split("\n"))) == 1 for drill in repeated)


@pytest.mark.parametrize("name", ["tiny-test", "support-base-5m"])
def test_shipped_base_models_are_sealed_safe_and_small(name: str) -> None:
    directory = ROOT / "base_models" / name
    manifest = verify(directory).manifest
    scan(directory)
    assert sum(path.stat().st_size for path in directory.iterdir()) < 12_000_000
    card = (directory / "README.md").read_text()
    for fact in (manifest["corpus"]["digest"], manifest["corpus"]["python"], str(manifest["held_out_perplexity"])):
        assert fact in card
