"""Guard against a fault of bitsandbytes 0.50 on CPUs with AVX512-BF16, and against every way to the network.

In evaluation mode ``Linear4bit.forward`` repacks its weights in place for a faster product that has no derivative.
Training after any evaluation or generation then goes on without the gradients of the frozen layers below, and merging
an adapter gives another model; nothing raises. The guard tells the library that the instruction set is absent, for
all layers built after it and for those already built. ``probe.probe_quantized_training`` proves that it holds.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from typing import Any

from mlops.models.errors import ModelError

OFFLINE_ENVIRONMENT: dict[str, str] = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def go_offline() -> None:
    """Set the environment that keeps the Hugging Face libraries off the network and silent; call it before imports.

    A value already set is replaced: being offline is a promise of the platform, not a preference.
    """
    os.environ.update(OFFLINE_ENVIRONMENT)


def guard_cpu(model: Any | None = None) -> None:
    """Switch off the in-place repacking of 4-bit weights; idempotent.

    Args:
        model: a model built before the guard was in place, whose layers are told as well.

    Raises:
        ModelError: MODEL-020 when a layer of ``model`` has been repacked already: its gradients cannot be trusted;
            MODEL-022 when the package ``kernels`` is installed, from which bitsandbytes loads code of a hub at import.
    """
    go_offline()
    if importlib.util.find_spec("kernels") is not None:
        raise ModelError(
            "MODEL-022",
            "the package kernels is installed, through which bitsandbytes loads code of a hub when it is imported",
            todo="remove it: pip uninstall kernels",
        )
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)  # it warns that kernels is absent
    import bitsandbytes.nn.modules as bnb_modules

    bnb_modules.has_avx512bf16 = _absent
    if model is not None:
        _guard_layers(model)


def _absent() -> bool:
    return False


def _guard_layers(model: Any) -> None:
    from mlops.models.quantization import linear4bit_layers

    for name, layer in linear4bit_layers(model):
        if getattr(layer.weight.quant_state, "packing_format_for_cpu", False):
            raise ModelError(
                "MODEL-020",
                f"the 4-bit layer {name} was repacked for inference before the guard was in place",
                todo="load the model again after guard_cpu()",
            )
        layer.support_avx512bf16_for_cpu = False
