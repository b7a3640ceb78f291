"""The recipe refuses, when it is read, what the libraries would get wrong hours later."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.training.config import TrainingSection

MINIMAL: dict[str, Any] = {"base_model": "base_models/x", "epochs": 1}


def test_qlora_quantizes_by_default_to_nf4_with_double_quantization() -> None:
    section = TrainingSection(**MINIMAL)
    assert section.quantization is not None
    assert (section.quantization.kind, section.quantization.double_quant) == ("nf4", True)
    assert TrainingSection(**MINIMAL, method="lora").quantization is None
    assert section == TrainingSection.model_validate(section.model_dump(mode="json"))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "qlora, quantization switched off": ({"quantization": None}, "needs a quantization"),
    "lora on 4 bits": ({"method": "lora", "quantization": {}}, "takes no quantization"),
    "epochs and steps": ({"max_steps": 5}, "exactly one of epochs and max_steps"),
    "neither epochs nor steps": ({"epochs": None}, "exactly one of epochs and max_steps"),
    "pissa": ({"adapter": {"init": "pissa"}}, "does not fit the one on disk"),
    "loftq": ({"adapter": {"init": "loftq"}}, "does not fit the one on disk"),
    "orthogonal": ({"adapter": {"init": "orthogonal"}}, "does not work"),
    "adapter on the head": ({"adapter": {"targets": ["q_proj", "lm_head"]}}, "never trained"),
    "no targets": ({"adapter": {"targets": []}}, "at least one"),
    "warm-up without end": ({"epochs": None, "max_steps": 5, "warmup": 5}, "shorter than max_steps"),
    "int8": ({"quantization": {"kind": "int8"}}, "nf4"),
    "removed spelling": ({"warmup_ratio": 0.1}, "Extra inputs"),
    "paged optimizer": ({"optimizer": "paged_adamw"}, "Extra inputs"),
    "NaN rate": ({"learning_rate": float("nan")}, "finite"),
    "rate of zero": ({"learning_rate": 0}, "greater than 0"),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_a_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TrainingSection(**{**MINIMAL, **change})


def test_every_field_is_described() -> None:
    schema = TrainingSection.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    assert not [name for part in sections for name, field in part["properties"].items() if "description" not in field]
