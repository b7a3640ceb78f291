"""The fault that the guard is for exists, and the guard neutralises it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.models.errors import ModelError
from mlops.models.guard import guard_cpu
from mlops.models.probe import ProbeResult, measure_quantized_training, probe_quantized_training

_UNGUARDED = """
import logging; logging.disable(logging.ERROR)
from bitsandbytes.functional import has_avx512bf16
from mlops.models.probe import measure_quantized_training, probe_quantized_training
without = measure_quantized_training()
guarded = probe_quantized_training()
print(int(bool(has_avx512bf16())), int(without.sound), int(guarded.sound))
"""


def test_without_the_guard_an_evaluation_loses_the_gradient_and_with_it_does_not() -> None:
    """In a fresh process, as the guard lasts as long as the process. Without AVX512-BF16 both are sound."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _UNGUARDED], capture_output=True, text=True, check=True, timeout=120
    )
    has_instruction, sound_without, sound_with = map(int, found.stdout.split()[-3:])
    assert sound_without == (not has_instruction)
    assert sound_with


def test_probe_is_sound_under_the_guard() -> None:
    assert probe_quantized_training() == ProbeResult(0.0, False, False)


@pytest.mark.parametrize(
    "result",
    [ProbeResult(1e-9, False, False), ProbeResult(0.0, True, False), ProbeResult(0.0, False, True)],
    ids=["other gradient", "no gradient", "repacked"],
)
def test_any_trace_of_the_evaluation_is_unsound(result: ProbeResult) -> None:
    assert not result.sound


def test_a_probe_that_is_unsound_stops_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.models.probe.measure_quantized_training", lambda: ProbeResult(0.5, False, True))
    with pytest.raises(ModelError, match="MODEL-021"):
        probe_quantized_training()


def test_layers_built_before_the_guard_are_told_and_a_repacked_one_is_refused() -> None:
    import torch
    from bitsandbytes.nn import Linear4bit

    layer = Linear4bit(64, 64, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4").to("cpu")
    model = torch.nn.Sequential(layer)
    layer.support_avx512bf16_for_cpu = True
    guard_cpu(model)
    assert layer.support_avx512bf16_for_cpu is False
    layer.weight.quant_state.packing_format_for_cpu = True
    with pytest.raises(ModelError, match="MODEL-020"):
        guard_cpu(model)


def test_the_guard_keeps_the_libraries_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    guard_cpu()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert measure_quantized_training().sound


def test_the_package_that_fetches_kernels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kernels.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelError, match="MODEL-022"):
        guard_cpu()
