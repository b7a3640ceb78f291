"""Safety scan of a model directory, before any library reads it.

A model directory is data from elsewhere. Pickles run code when they are opened; ``auto_map`` and hub attention kernels
fetch and run it; a chat template is a program; an index file names paths. The scan lets through what it knows and
refuses the rest: it works from a list of allowed file kinds, not of forbidden ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops.models.errors import UnsafeModelError

_ALLOWED_SUFFIXES = frozenset({".json", ".jsonl", ".safetensors", ".txt", ".jinja", ".md", ".model"})
_ALLOWED_NAMES = frozenset({"LICENSE", "LICENCE", "NOTICE", "COPYING"})
_CODE_KEYS = frozenset({"auto_map", "trust_remote_code", "custom_pipelines", "custom_generate"})
_KERNEL_KEYS = frozenset({"kernels", "kernel_config", "use_kernels", "kernel_mapping"})
_ATTENTION_KEYS = frozenset({"attn_implementation", "_attn_implementation", "experts_implementation"})
_TEMPLATE_KEYS = frozenset({"chat_template", "template"})
# Attribute walks to Python internals, and the ways to spell them that avoid the underscores.
_TEMPLATE_ESCAPES = re.compile(r"__|\|\s*attr\b|\\x5f|\\u005f|\b(?:import|include|extends)\s+['\"]")
_LARGEST_JSON = 256 * 1024 * 1024


def scan(directory: Path) -> tuple[str, ...]:
    """Refuse a base-model or adapter directory that could do more than hold numbers.

    Args:
        directory: holds ``config.json`` or ``adapter_config.json`` and safetensors files.

    Returns:
        the relative POSIX paths of all files, sorted.

    Raises:
        UnsafeModelError: MODEL-001 no directory, MODEL-002 a link, dotfile or special file, MODEL-003 a file kind that
            is not on the list (pickles, code, archives), MODEL-004 broken JSON, MODEL-005 a key that loads code,
            MODEL-006 a kernel from elsewhere, MODEL-007 a chat template that reaches for internals, MODEL-008 a broken
            or truncated safetensors file, MODEL-009 no weights, MODEL-010 an index that names a path outside.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UnsafeModelError(
            "MODEL-001", "expected a model directory, found none", where=str(directory), todo="give the path of one"
        )
    files = _files(directory)
    for name in files:
        path = directory / name
        if path.suffix == ".json":
            _check_json(path, directory)
        elif path.suffix == ".jinja":
            _check_template(path.read_text(encoding="utf-8", errors="replace"), path)
        elif path.suffix == ".safetensors":
            _check_container(path)
    if not any(name.endswith(".safetensors") for name in files):
        raise UnsafeModelError(
            "MODEL-009", "expected safetensors weights, found none", where=str(directory), todo="convert the weights"
        )
    return tuple(files)


def check_finite(directory: Path) -> int:
    """Read every weight once and refuse NaN and infinities; one tensor is in memory at a time.

    Returns:
        number of tensors read.

    Raises:
        UnsafeModelError: MODEL-011, naming file and tensor.
    """
    import torch
    from safetensors import safe_open

    count = 0
    for path in sorted(Path(directory).rglob("*.safetensors")):
        with safe_open(path, framework="pt") as container:
            for name in container.keys():  # noqa: SIM118 (not a mapping)
                tensor = container.get_tensor(name)
                count += 1
                if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
                    raise UnsafeModelError(
                        "MODEL-011",
                        f"tensor {name} holds values that are not finite",
                        where=str(path),
                        todo="do not use these weights; restore them from their source",
                    )
    return count


def _files(directory: Path) -> list[str]:
    names = []
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_symlink() or any(part.startswith(".") for part in relative.parts):
            raise UnsafeModelError(
                "MODEL-002", "links and dotfiles are refused in a model directory", where=str(path), todo="remove it"
            )
        if path.is_dir():
            continue
        if not path.is_file():
            raise UnsafeModelError("MODEL-002", "expected a regular file", where=str(path), todo="remove it")
        if path.suffix not in _ALLOWED_SUFFIXES and path.name not in _ALLOWED_NAMES:
            raise UnsafeModelError(
                "MODEL-003",
                f"files of the kind {path.suffix or 'without suffix'} are refused: only weights in safetensors and "
                "plain text configuration are read",
                where=str(path),
                todo="convert pickled weights to safetensors and remove code",
            )
        names.append(relative.as_posix())
    return names


def _check_json(path: Path, directory: Path) -> None:
    todo = "restore the file from its source"
    if path.stat().st_size > _LARGEST_JSON:
        raise UnsafeModelError("MODEL-004", "a JSON file of more than 256 MiB is refused", where=str(path), todo=todo)
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise UnsafeModelError("MODEL-004", "expected JSON, found something else", where=str(path), todo=todo) from None
    is_vocabulary = path.name in ("tokenizer.json", "vocab.json", "added_tokens.json")
    for key, item in _items(value):
        if not is_vocabulary:
            _check_key(key, item, path)
    if path.name.endswith(".safetensors.index.json"):
        _check_index(value, path, directory)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            yield from current.items()
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)


def _check_key(key: str, item: Any, path: Path) -> None:
    if key in _CODE_KEYS and item not in (None, False, {}, []):
        raise UnsafeModelError(
            "MODEL-005", f"the key {key} would load code", where=str(path), todo="use a built-in architecture"
        )
    if key in _KERNEL_KEYS and item not in (None, False, {}, []):
        raise UnsafeModelError(
            "MODEL-006", f"the key {key} would fetch kernels", where=str(path), todo="remove the key"
        )
    if key in _ATTENTION_KEYS and any("/" in text for text in _strings(item)):
        raise UnsafeModelError("MODEL-006", f"{key} names a kernel of a hub", where=str(path), todo="use sdpa or eager")
    if key in _TEMPLATE_KEYS:
        for text in _strings(item):
            _check_template(text, path)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for _, item in _items(value) for text in [item] if isinstance(text, str)]


def _check_template(text: str, path: Path) -> None:
    if _TEMPLATE_ESCAPES.search(text):
        raise UnsafeModelError(
            "MODEL-007",
            "the chat template reaches for attributes or files that a template has no need of",
            where=str(path),
            todo="replace the template by one that only reads messages",
        )


def _check_index(value: Any, path: Path, directory: Path) -> None:
    shards = value.get("weight_map") if isinstance(value, dict) else None
    names = set(shards.values()) if isinstance(shards, dict) else {None}
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not (directory / name).is_file():
            raise UnsafeModelError(
                "MODEL-010",
                "the index names a shard that is not a file of this directory",
                where=str(path),
                todo="restore the shards, or write the index again",
            )


def _check_container(path: Path) -> None:
    """Header, offsets and length are checked by the safetensors reader itself; it never executes anything."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as container:
            empty = not list(container.keys())
    except (SafetensorError, OSError, ValueError):
        empty = True
    if empty:
        raise UnsafeModelError(
            "MODEL-008", "the safetensors file is truncated, damaged or empty", where=str(path), todo="restore it"
        )
