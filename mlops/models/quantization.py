"""4-bit NormalFloat quantization (QLoRA, Dettmers et al., 2023, arXiv 2305.14314): the request, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Quantization:
    """How the linear layers of the base are held in memory.

    Attributes:
        kind: ``nf4``, the 4-bit type whose levels are quantiles of a normal distribution, blocks of 64 weights.
        double_quant: quantize the blocks' fp32 scales to 8 bits as well: 0.127 instead of 0.5 bits per parameter.
        compute_dtype: type the weights are expanded to for each product.
    """

    kind: Literal["nf4"] = "nf4"
    double_quant: bool = True
    compute_dtype: Literal["bfloat16", "float32"] = "bfloat16"


class QuantizationWish(Protocol):
    """What a use case's section says about quantization; this floor does not know the sections."""

    @property
    def kind(self) -> Literal["nf4"]: ...

    @property
    def double_quant(self) -> bool: ...

    @property
    def compute_dtype(self) -> Literal["bfloat16", "float32"]: ...


def request(wish: QuantizationWish | None) -> Quantization | None:
    """Turn a use case's section into a request; ``None`` stays ``None``, which means a base in bf16."""
    return None if wish is None else Quantization(wish.kind, wish.double_quant, wish.compute_dtype)


@dataclass(frozen=True)
class QuantizationFacts:
    """What a loaded model really holds, counted from its tensors.

    Attributes:
        linear4bit: number of ``Linear4bit`` layers; 0 for a model that is not quantized.
        quantized_parameters: weights in those layers.
        bits_per_parameter: their storage, scales included, in bits per weight; ``None`` without any.
        footprint_bytes: parameters and buffers of the whole model, quantization state included.
    """

    linear4bit: int
    quantized_parameters: int
    bits_per_parameter: float | None
    footprint_bytes: int


def facts(model: Any) -> QuantizationFacts:
    """Count the 4-bit layers of a model and the bytes behind them."""
    layers = list(linear4bit_layers(model))
    parameters = sum(layer.in_features * layer.out_features for _, layer in layers)
    weights = sum(layer.weight.data.nbytes for _, layer in layers)
    scales = sum(_state_bytes(layer.weight.quant_state) for _, layer in layers)
    bits = round(8 * (weights + scales) / parameters, 3) if parameters else None
    tensors = {tensor.data_ptr(): tensor.nbytes for tensor in [*model.parameters(), *model.buffers()]}
    return QuantizationFacts(len(layers), parameters, bits, sum(tensors.values()) + scales)


def linear4bit_layers(model: Any) -> Iterator[tuple[str, Any]]:
    """(name, layer) of every 4-bit layer, also inside adapter wrappers, in definition order."""
    from bitsandbytes.nn import Linear4bit

    for name, module in model.named_modules():
        if isinstance(module, Linear4bit):
            yield name, module


def _state_bytes(state: Any) -> int:
    """Bytes of the per-block scales; the 16-entry code tables are shared constants and left out."""
    if state is None:
        return 0
    nested = state.state2.absmax.nbytes if state.nested else 0
    return int(state.absmax.nbytes + nested)


def expand(model: Any) -> int:
    """Replace every 4-bit layer by a plain linear layer that holds the same numbers in the compute type.

    A 4-bit product on a CPU expands its weights anew at each call. A model that will only be read can do it once:
    ``x @ dequant(W).T`` before and after are the same operation on the same operands, and a test holds them equal bit
    for bit. It costs the memory that quantization saved; training never does it.

    Returns:
        number of layers replaced.
    """
    import torch
    from bitsandbytes.functional import dequantize_4bit

    layers = list(linear4bit_layers(model))
    for name, layer in layers:
        plain = torch.nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
        weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(layer.compute_dtype)
        plain.weight = torch.nn.Parameter(weight, requires_grad=False)
        plain.bias = layer.bias
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, plain)
    return len(layers)
