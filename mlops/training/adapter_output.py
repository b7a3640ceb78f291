"""Write an adapter so that equal weights give equal bytes: no path, no time, no order of a set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops.artifacts import digest_file

_WEIGHTS = "adapter_model.safetensors"
_CONFIG = "adapter_config.json"


def write_adapter(model: Any, directory: Path, *, base_name: str) -> str:
    """Save a peft model's adapter.

    Args:
        model: a ``peft.PeftModel``.
        directory: created; receives ``adapter_model.safetensors`` and ``adapter_config.json``.
        base_name: relative name of the base model, stored in place of its path on this machine.

    Returns:
        digest of the weights file, ``sha256:<64 hex>``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(directory), save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)
    config = json.loads((directory / _CONFIG).read_bytes())
    config["base_model_name_or_path"] = base_name
    config["revision"] = None
    ordered = {name: sorted(value) if name == "target_modules" else value for name, value in config.items()}
    text = json.dumps(ordered, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    (directory / _CONFIG).write_text(text + "\n", encoding="utf-8")
    (directory / _WEIGHTS).chmod(0o644)
    return digest_file(directory / _WEIGHTS)
