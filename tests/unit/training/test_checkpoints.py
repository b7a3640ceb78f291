"""Only a checkpoint whose every byte verifies, and that belongs here, is gone on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.training.checkpoints import newest_valid, seal_checkpoint


def _write(root: Path, step: int, *, key: str = "k", seal: bool = True) -> Path:
    directory = root / f"checkpoint-{step}"
    directory.mkdir(parents=True)
    (directory / "optimizer.pt").write_bytes(bytes([step]) * 100)
    (directory / "adapter.safetensors").write_bytes(bytes([step + 1]) * 100)
    if seal:
        seal_checkpoint(directory, key=key, step=step, elapsed_seconds=step / 2)
    return directory


def _flip(directory: Path) -> None:
    data = bytearray((directory / "optimizer.pt").read_bytes())
    data[50] ^= 1
    (directory / "optimizer.pt").write_bytes(bytes(data))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bit": _flip,
    "missing file": lambda d: (d / "adapter.safetensors").unlink(),
    "truncated": lambda d: (d / "optimizer.pt").write_bytes(b""),
    "additional file": lambda d: (d / "more").write_bytes(b"x"),
    "half a manifest": lambda d: (d / "manifest.json").write_bytes((d / "manifest.json").read_bytes()[:40]),
    "no manifest, as after a kill": lambda d: (d / "manifest.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    _write(tmp_path, 4)
    damage(_write(tmp_path, 8))
    found, rejected = newest_valid(tmp_path, key="k")
    assert found is not None
    assert (found.step, found.elapsed_seconds) == (4, 2.0)
    assert rejected == ("checkpoint-8",)
    assert not (tmp_path / "checkpoint-8").exists(), "the training will write to this name again"


def test_newest_is_by_step_not_by_name_or_time(tmp_path: Path) -> None:
    for step in (100, 20):
        _write(tmp_path, step)
    found, _ = newest_valid(tmp_path, key="k")
    assert found is not None
    assert found.step == 100


def test_a_checkpoint_of_another_recipe_is_not_gone_on_from(tmp_path: Path) -> None:
    _write(tmp_path, 4, key="other")
    assert newest_valid(tmp_path, key="k") == (None, ("checkpoint-4",))


def test_no_directory_is_a_fresh_start(tmp_path: Path) -> None:
    assert newest_valid(tmp_path / "none", key="k") == (None, ())


def test_two_sealed_ones_are_kept_so_that_one_may_be_damaged(tmp_path: Path) -> None:
    for step in (4, 8, 12, 16):
        _write(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-12", "checkpoint-16"]


def test_an_unsealed_directory_is_not_counted_as_the_second_one(tmp_path: Path) -> None:
    _write(tmp_path, 4)
    _write(tmp_path, 8, seal=False)
    _write(tmp_path, 12)
    assert (tmp_path / "checkpoint-4" / "manifest.json").exists()
