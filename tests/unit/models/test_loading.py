"""Four bits are really four bits, and every form of the model computes the same numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from mlops.models.errors import ModelError, UnsafeModelError
from mlops.models.guard import guard_cpu
from mlops.models.loading import LoadedModel, load
from mlops.models.quantization import Quantization, linear4bit_layers, request

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "base_models" / "tiny-test"
IDS = torch.arange(6, 86).view(2, 40)


def _logits(loaded: LoadedModel) -> torch.Tensor:
    with torch.no_grad():
        return loaded.model(input_ids=IDS).logits


@pytest.mark.parametrize(("double_quant", "low", "high"), [(True, 4.12, 4.14), (False, 4.5, 4.5)])
def test_bits_per_weight_are_those_of_the_paper(double_quant: bool, low: float, high: float) -> None:
    """Block 64: 4 + 8/64 + 32/(64*256) = 4.127 with double quantization, 4 + 32/64 without (arXiv 2305.14314)."""
    loaded = load(TINY, quantization=Quantization(double_quant=double_quant), for_training=True)
    counted = loaded.quantization
    assert counted.linear4bit == 2 * 7
    assert counted.bits_per_parameter is not None
    assert low <= counted.bits_per_parameter <= high
    weights = [layer.weight for _, layer in linear4bit_layers(loaded.model)]
    assert {weight.dtype for weight in weights} == {torch.uint8}
    assert sum(weight.numel() for weight in weights) * 2 == counted.quantized_parameters


def test_a_quantized_model_takes_less_memory_and_gives_other_numbers() -> None:
    plain, small = load(TINY, quantization=None), load(TINY, quantization=Quantization(), for_training=True)
    assert small.quantization.footprint_bytes < 0.55 * plain.quantization.footprint_bytes
    assert plain.quantization.linear4bit == 0
    assert plain.quantization.bits_per_parameter is None
    assert not torch.equal(_logits(plain), _logits(small))


@pytest.mark.parametrize("compute", ["bfloat16", "float32"])
@pytest.mark.parametrize("double_quant", [True, False], ids=["double", "single"])
def test_expanding_for_inference_changes_no_bit(compute: Any, double_quant: bool) -> None:
    quantization = Quantization(double_quant=double_quant, compute_dtype=compute)
    packed = load(TINY, quantization=quantization, for_training=True)
    expanded = load(TINY, quantization=quantization)
    assert not list(linear4bit_layers(expanded.model))
    assert packed.quantization == expanded.quantization
    assert torch.equal(_logits(packed), _logits(expanded))


def test_a_4bit_model_saved_and_loaded_again_gives_the_same_logits(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    first = load(TINY, quantization=Quantization(), for_training=True)
    before = _logits(first)
    first.model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path, local_files_only=True)
    guard_cpu(again)
    assert len(list(linear4bit_layers(again))) == 14
    assert torch.equal(before, _logits(LoadedModel(again.eval(), first.tokenizer, first.quantization, "cpu")))


def test_the_random_baseline_has_the_same_shape_other_weights_and_its_seed_decides() -> None:
    state = torch.random.get_rng_state()
    base = load(TINY, quantization=Quantization())
    one, same, other = (load(TINY, quantization=Quantization(), random_seed=seed) for seed in (1, 1, 2))
    assert torch.equal(_logits(one), _logits(same))
    assert not torch.equal(_logits(one), _logits(other))
    assert not torch.equal(_logits(one), _logits(base))
    assert one.quantization.quantized_parameters == base.quantization.quantized_parameters
    assert torch.equal(state, torch.random.get_rng_state()), "drawing a baseline moved the caller's generator"


def test_an_unsafe_directory_is_refused_before_anything_reads_it(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "m")
    (tmp_path / "m" / "adapter_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UnsafeModelError, match="MODEL-003"):
        load(tmp_path / "m", quantization=None)


def test_an_architecture_that_is_not_built_in_is_an_error_that_names_the_directory(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "m")
    config = (tmp_path / "m" / "config.json").read_text().replace('"llama"', '"not-a-model"')
    (tmp_path / "m" / "config.json").write_text(config)
    with pytest.raises(ModelError, match="MODEL-030") as caught:
        load(tmp_path / "m", quantization=None)
    assert caught.value.where == str(tmp_path / "m")


def test_a_base_without_chat_template_is_refused(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "m")
    path = tmp_path / "m" / "tokenizer_config.json"
    path.write_text(path.read_text().replace('"chat_template"', '"another_template"'))
    with pytest.raises(ModelError, match="MODEL-031"):
        load(tmp_path / "m", quantization=None)


def test_request_reads_a_section_by_its_fields() -> None:
    assert request(None) is None
    assert request(Quantization(double_quant=False)) == Quantization(double_quant=False)
