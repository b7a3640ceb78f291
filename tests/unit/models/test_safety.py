"""The scan refuses every way a model directory could do more than hold numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mlops.models.errors import UnsafeModelError
from mlops.models.identity import base_digest
from mlops.models.safety import check_finite, scan

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "base_models" / "tiny-test"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    target = tmp_path / "model"
    shutil.copytree(TINY, target)
    (target / "manifest.json").unlink()
    return target


def _set(name: str, key: str, value: object) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        content = json.loads((directory / name).read_text())
        content[key] = value
        (directory / name).write_text(json.dumps(content))

    return spoil


def _nested(directory: Path) -> None:
    _set("config.json", "vision_config", {"layers": [{"auto_map": {"AutoModel": "evil.Model"}}]})(directory)


def _truncate(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-64])


def _grow_header(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def _index_outside(directory: Path) -> None:
    index = {"metadata": {}, "weight_map": {"a": "../../etc/model.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def _link(directory: Path) -> None:
    (directory / "extra.json").symlink_to(directory / "config.json")


def _linked_folder(directory: Path) -> None:
    (directory / "more").symlink_to(directory.parent, target_is_directory=True)


def _no_weights(directory: Path) -> None:
    (directory / "model.safetensors").unlink()


REFUSED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "pickle .bin": ("MODEL-003", lambda d: (d / "pytorch_model.bin").write_bytes(b"\x80\x04")),
    "pickle .pt": ("MODEL-003", lambda d: (d / "model.pt").write_bytes(b"x")),
    "pickle .pkl": ("MODEL-003", lambda d: (d / "a.pkl").write_bytes(b"x")),
    "pickle .pickle": ("MODEL-003", lambda d: (d / "a.pickle").write_bytes(b"x")),
    "python": ("MODEL-003", lambda d: (d / "modeling_x.py").write_text("print()")),
    "shared object": ("MODEL-003", lambda d: (d / "x.so").write_bytes(b"x")),
    "no suffix": ("MODEL-003", lambda d: (d / "weights").write_bytes(b"x")),
    "dotfile": ("MODEL-002", lambda d: (d / ".cache.json").write_text("{}")),
    "symlink": ("MODEL-002", _link),
    "linked folder": ("MODEL-002", _linked_folder),
    "auto_map": ("MODEL-005", _set("config.json", "auto_map", {"AutoConfig": "x.Y"})),
    "auto_map, nested": ("MODEL-005", _nested),
    "auto_map of a tokenizer": ("MODEL-005", _set("tokenizer_config.json", "auto_map", {"AutoTokenizer": ["x", None]})),
    "trust_remote_code": ("MODEL-005", _set("config.json", "trust_remote_code", True)),
    "hub attention": ("MODEL-006", _set("config.json", "attn_implementation", "kernels-community/flash-attn")),
    "hub attention, underscore": ("MODEL-006", _set("config.json", "_attn_implementation", "someone/attn")),
    "hub attention by part": ("MODEL-006", _set("config.json", "attn_implementation", {"text": "someone/attn"})),
    "kernels": ("MODEL-006", _set("config.json", "kernels", {"rmsnorm": "someone/norm"})),
    "dunder template": ("MODEL-007", _set("tokenizer_config.json", "chat_template", "{{ x.__class__ }}")),
    "attr filter": ("MODEL-007", _set("tokenizer_config.json", "chat_template", "{{ x|attr('y') }}")),
    "escaped dunder": ("MODEL-007", _set("tokenizer_config.json", "chat_template", r"{{ x['\x5f\x5fclass'] }}")),
    "template in a list": (
        "MODEL-007",
        _set("tokenizer_config.json", "chat_template", [{"name": "rag", "template": "{{ ''.__mro__ }}"}]),
    ),
    "template file": ("MODEL-007", lambda d: (d / "chat_template.jinja").write_text("{% include 'passwd' %}")),
    "broken JSON": ("MODEL-004", lambda d: (d / "config.json").write_text("{")),
    "truncated weights": ("MODEL-008", _truncate),
    "absurd header": ("MODEL-008", _grow_header),
    "empty weights": ("MODEL-008", lambda d: (d / "model.safetensors").write_bytes(b"")),
    "index outside": ("MODEL-010", _index_outside),
    "no weights": ("MODEL-009", _no_weights),
    "no directory": ("MODEL-001", shutil.rmtree),
}


@pytest.mark.parametrize(("code", "spoil"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(model: Path, code: str, spoil: Callable[[Path], object]) -> None:
    spoil(model)
    with pytest.raises(UnsafeModelError) as caught:
        scan(model)
    assert caught.value.code == code


def test_an_honest_model_passes_and_lists_its_files(model: Path) -> None:
    (model / "LICENSE").write_text("free")
    assert scan(model) == (
        "LICENSE",
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    )


@pytest.mark.parametrize("off", [False, None], ids=["false", "null"])
def test_a_key_that_is_switched_off_is_no_danger(model: Path, off: object) -> None:
    _set("config.json", "trust_remote_code", off)(model)
    assert "config.json" in scan(model)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=["nan", "inf", "-inf"])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    weights = np.ones((4, 4), dtype=np.float32)
    save_file({"fine": weights}, tmp_path / "a.safetensors")
    assert check_finite(tmp_path) == 1
    weights[2, 3] = value
    save_file({"layer.weight": weights}, tmp_path / "a.safetensors")
    with pytest.raises(UnsafeModelError) as caught:
        check_finite(tmp_path)
    assert caught.value.code == "MODEL-011"
    assert "layer.weight" in str(caught.value)


def test_the_digest_of_an_unsealed_base_follows_every_byte(model: Path) -> None:
    before = base_digest(model)
    assert before == base_digest(model)
    _set("config.json", "rms_norm_eps", 1e-5)(model)
    assert base_digest(model) != before


def test_a_vocabulary_may_hold_any_word(model: Path) -> None:
    content = json.loads((model / "tokenizer.json").read_text())
    assert "model" in content
    content["model"]["vocab"]["auto_map"] = 767
    (model / "tokenizer.json").write_text(json.dumps(content))
    scan(model)
