"""Checkpoints that prove themselves: sealed last, bound to what they continue, newest valid one first."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.artifacts import MEASUREMENTS, ArtifactError, canonical_json, read_json, seal, verify, write_atomic

_LOG = logging.getLogger(__name__)
_PREFIX = "checkpoint-"
_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint: its directory, the optimizer steps it holds, the seconds its training had taken."""

    path: Path
    step: int
    elapsed_seconds: float


def seal_checkpoint(directory: Path, *, key: str, step: int, elapsed_seconds: float) -> None:
    """Write the manifest of a finished checkpoint directory, last and atomically, and drop all but the newest two.

    Args:
        key: digest of configuration, data, base and library versions: what may go on from here.
        elapsed_seconds: of all attempts so far; kept beside the manifest.

    Raises:
        StorageError: the disk refused a write.
    """
    write_atomic(directory / MEASUREMENTS, canonical_json({"elapsed_seconds": round(elapsed_seconds, 3)}))
    seal(directory, {"key": key, "step": step})
    older = [path for path, number in _numbered(directory.parent) if number < step and _is_sealed(path)]
    for path in older[_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)  # an attempt that we overtook may still remove it too


def newest_valid(directory: Path, *, key: str) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The newest checkpoint whose every byte verifies and whose key is ``key``.

    Directories that fail are removed, as the training will write to the same names again.

    Returns:
        the checkpoint, or ``None`` to start from nothing; and the names of the directories removed.
    """
    rejected: list[str] = []
    for path, number in _numbered(directory):
        reason, manifest = _check(path, key)
        if reason is None:
            return Checkpoint(path, number, _elapsed(path)), tuple(rejected)
        _LOG.warning("checkpoint %s is not used: %s", path.name, reason, extra={"where": str(path), "found": manifest})
        rejected.append(path.name)
        shutil.rmtree(path)
    return None, tuple(rejected)


def _numbered(directory: Path) -> list[tuple[Path, int]]:
    """(path, step) of all checkpoint directories, newest first."""
    found = [
        (path, int(path.name.removeprefix(_PREFIX)))
        for path in (directory.iterdir() if directory.is_dir() else ())
        if path.name.startswith(_PREFIX) and path.name.removeprefix(_PREFIX).isdigit() and path.is_dir()
    ]
    return sorted(found, key=lambda pair: -pair[1])


def _check(path: Path, key: str) -> tuple[str | None, Mapping[str, Any]]:
    try:
        manifest = verify(path).manifest
    except ArtifactError as error:
        return error.code, {}
    if manifest.get("key") != key:
        return "it belongs to another configuration, base or data set", {}
    return None, manifest


def _is_sealed(path: Path) -> bool:
    return (path / "manifest.json").is_file()


def _elapsed(path: Path) -> float:
    try:
        return float(read_json(path / MEASUREMENTS)["elapsed_seconds"])
    except (ArtifactError, KeyError, TypeError, ValueError):
        return 0.0  # lost measurements cost the budget's memory of earlier attempts, not the training
