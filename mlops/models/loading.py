"""Load a base model, with or without an adapter, from a scanned local directory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.models.errors import ModelError
from mlops.models.guard import guard_cpu
from mlops.models.quantization import Quantization, QuantizationFacts, expand, facts
from mlops.models.safety import check_finite, scan


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for use, in evaluation mode.

    Attributes:
        model: a ``transformers`` causal language model, wrapped by ``peft`` where an adapter was given.
        tokenizer: its tokenizer, with a padding token.
        quantization: the facts counted when the base was loaded, before any expansion for inference.
        device: ``cpu`` or ``cuda``.
    """

    model: Any
    tokenizer: Any
    quantization: QuantizationFacts
    device: str


def load(
    base: Path,
    *,
    quantization: Quantization | None,
    adapter: Path | None = None,
    random_seed: int | None = None,
    for_training: bool = False,
    device: str = "cpu",
) -> LoadedModel:
    """Scan and load; nothing is fetched and no code of the directory runs.

    Args:
        base: directory of the base model.
        quantization: 4-bit request; ``None`` loads in bf16.
        adapter: directory of a LoRA-family adapter to put on the base.
        random_seed: ignore the stored weights and draw new ones of the same shape, for the random baseline.
        for_training: keep 4-bit layers on a CPU. Without it they are expanded once to the same numbers in the compute
            type, which gives the same outputs several times faster (see ``quantization.expand``).
        device: ``cpu`` or ``cuda``.

    Raises:
        UnsafeModelError: what :func:`mlops.models.safety.scan` and ``check_finite`` refuse.
        ModelError: MODEL-030 the directory cannot be loaded, MODEL-031 no chat template, MODEL-032 adapter and base do
            not fit, MODEL-033 the device is absent.
    """
    guard_cpu()
    import torch
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("MODEL-033", "expected a CUDA device, found none", todo="choose the device cpu")
    for directory in filter(None, (base, adapter)):
        scan(directory)
        check_finite(directory)
    tokenizer = load_tokenizer(base)
    if random_seed is None:
        model = _from_directory(base, quantization, device)
    else:
        model = _random(base, quantization, device, random_seed)
    counted = facts(model)
    if adapter is not None:
        model = _with_adapter(model, adapter)
    if not for_training and device == "cpu":
        expand(model)
    model.eval()
    return LoadedModel(model, tokenizer, counted, device)


def load_tokenizer(base: Path) -> Any:
    """The tokenizer of a base model; the end token stands in where no padding token is declared.

    Raises:
        ModelError: MODEL-030 it cannot be read, MODEL-031 it has no chat template or no end token.
    """
    guard_cpu()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(base), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise _unloadable(base, error) from error
    if tokenizer.chat_template is None or tokenizer.eos_token_id is None:
        raise ModelError(
            "MODEL-031",
            "expected a tokenizer with a chat template and an end token",
            where=str(base),
            todo="add both to tokenizer_config.json",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _from_directory(directory: Path, quantization: Quantization | None, device: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options: dict[str, Any] = {}
    kind = torch.bfloat16
    if quantization is not None:
        kind = getattr(torch, quantization.compute_dtype)
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization.kind,
            bnb_4bit_use_double_quant=quantization.double_quant,
            bnb_4bit_compute_dtype=kind,
        )
    try:
        return AutoModelForCausalLM.from_pretrained(
            str(directory),
            dtype=kind,
            device_map={"": device},
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _unloadable(directory, error) from error


def _random(base: Path, quantization: Quantization | None, device: str, seed: int) -> Any:
    """Same configuration, fresh weights from ``seed``, passed through a directory: quantization happens on load."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as scratch:
        torch.manual_seed(seed)
        config = AutoConfig.from_pretrained(str(base), local_files_only=True, trust_remote_code=False)
        fresh = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        fresh.to(torch.bfloat16).save_pretrained(scratch)
        return _from_directory(Path(scratch), quantization, device)


def _with_adapter(model: Any, adapter: Path) -> Any:
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(
            model, str(adapter), is_trainable=False, local_files_only=True, autocast_adapter_dtype=False
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ModelError(
            "MODEL-032",
            f"the adapter does not fit the base model ({type(error).__name__})",
            where=str(adapter),
            todo="load it on the base model it was trained on",
        ) from error


def _unloadable(directory: Path, error: Exception) -> ModelError:
    return ModelError(
        "MODEL-030",
        f"expected a model that the transformers library can load ({type(error).__name__})",
        where=str(directory),
        todo="restore the directory from its source; only built-in architectures are supported",
    )
