"""Start-up probe: does an evaluation leave the gradients of a 4-bit model alone?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops.models.errors import ModelError


@dataclass(frozen=True)
class ProbeResult:
    """Gradient of the input of a two-layer 4-bit network, before and after an evaluation pass.

    Attributes:
        largest_difference: of any entry; 0.0 when the evaluation left no trace.
        gradient_lost: the second gradient does not exist at all.
        repacked: the layers' weights were put into the inference layout.
    """

    largest_difference: float
    gradient_lost: bool
    repacked: bool

    @property
    def sound(self) -> bool:
        """True when training after an evaluation gives the very gradient it gave before."""
        return not self.gradient_lost and not self.repacked and self.largest_difference == 0.0


def measure_quantized_training() -> ProbeResult:
    """Train forward and backward, evaluation forward, train forward and backward, on fixed numbers, in milliseconds.

    Uses the library as it stands: with the guard in place if it was called, without it if not.
    """
    import torch
    from bitsandbytes.nn import Linear4bit

    generator = torch.Generator().manual_seed(7)
    layers = torch.nn.Sequential(
        Linear4bit(64, 128, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4"),
        Linear4bit(128, 64, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4"),
    )
    for layer in layers:
        weight = torch.randn(layer.out_features, layer.in_features, generator=generator) / 8
        layer.load_state_dict({"weight": weight})
    layers.to("cpu")
    batch = torch.randn(4, 64, generator=generator, dtype=torch.float32).to(torch.bfloat16)
    before = _input_gradient(layers, batch)
    layers.eval()
    with torch.no_grad():
        layers(batch)
    repacked = any(getattr(layer.weight.quant_state, "packing_format_for_cpu", False) for layer in layers)
    after = _input_gradient(layers, batch)
    if before is None or after is None:
        return ProbeResult(float("inf"), True, repacked)
    return ProbeResult(float((before - after).abs().max()), False, repacked)


def _input_gradient(layers: Any, batch: Any) -> Any:
    import torch

    layers.train()
    leaf = batch.clone().requires_grad_(True)
    output = layers(leaf)
    if not output.requires_grad:
        return None
    (gradient,) = torch.autograd.grad(output.float().square().sum(), leaf, allow_unused=True)
    return gradient


def probe_quantized_training() -> ProbeResult:
    """Put the guard in place, then prove it.

    Raises:
        ModelError: MODEL-021 when an evaluation still changes the gradient: training would silently learn less.
    """
    from mlops.models.guard import guard_cpu

    guard_cpu()
    result = measure_quantized_training()
    if not result.sound:
        raise ModelError(
            "MODEL-021",
            "expected the same gradient before and after an evaluation, found "
            + ("none" if result.gradient_lost else f"a difference of {result.largest_difference:.3g}"),
            todo="use the locked bitsandbytes version; do not train with this one",
        )
    return result
