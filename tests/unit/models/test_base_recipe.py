"""A base model is a function of recipe and corpus, and an interrupted build goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.artifacts import digest_file, verify
from mlops.models.base_corpus import as_chat, compose, corpus_digest
from mlops.models.base_recipe import TINY, BaseRecipe, build_base
from mlops.models.errors import ModelError
from mlops.models.loading import load
from mlops.models.safety import scan

ROOT = Path(__file__).resolve().parents[3]
RECIPE = replace(TINY, steps=8, block=32, batch=4, warmup=2, vocabulary=300)
TEXTS = [
    f"Entry {i}: the {'red' if i % 2 else 'blue'} lamp costs {i}.50 and ships in {i % 7} days." for i in range(200)
]


def _weights(directory: Path) -> str:
    return digest_file(directory / "model.safetensors")


def _build(directory: Path, recipe: BaseRecipe = RECIPE, **options: object) -> str:
    directory.mkdir()
    build_base(recipe, TEXTS, directory, **options)  # type: ignore[arg-type]
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
        build_base(RECIPE, TEXTS[:3], tmp_path)


def test_talks_become_the_turns_that_the_chat_template_renders() -> None:
    talk = "Customer: my lamp\nis broken\nAgent: We send a new one."
    assert as_chat(talk) == "<|user|>my lamp\nis broken<|end|><|assistant|>We send a new one.<|end|>"
    assert as_chat("A page: about lamps") == "A page: about lamps"
    assert compose(["doc"], [talk, talk]) == ["doc", talk, as_chat(talk)]
    assert corpus_digest(["ab", "c"]) != corpus_digest(["a", "bc"])


@pytest.mark.parametrize("name", ["tiny-test"])
def test_shipped_base_models_are_sealed_safe_and_small(name: str) -> None:
    directory = ROOT / "base_models" / name
    manifest = verify(directory).manifest
    scan(directory)
    assert sum(path.stat().st_size for path in directory.iterdir()) < 12_000_000
    card = (directory / "README.md").read_text()
    for fact in (manifest["corpus"]["digest"], manifest["corpus"]["python"], str(manifest["held_out_perplexity"])):
        assert fact in card
