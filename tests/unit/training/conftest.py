"""A small task that a tiny model can be trained on in seconds."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from mlops.training.config import TrainingSection

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "base_models" / "tiny-test"


def chat_table(rows: int, seed: int) -> pa.Table:
    draw = Random(seed)
    conversations = []
    for _ in range(rows):
        thing, price = draw.choice(["router", "lamp", "kettle"]), draw.randrange(100)
        ask = f"The {thing} costs {price} " + "and I wait " * draw.randrange(4)
        answer = f'{{"product":"{thing}","amount":"{price}"}}'
        conversations.append([{"role": "user", "content": ask}, {"role": "assistant", "content": answer}])
    return pa.table({"messages": conversations})


def recipe(**changes: Any) -> TrainingSection:
    fields: dict[str, Any] = {
        "base_model": "base_models/tiny-test",
        "max_steps": 12,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "warmup": 2,
        "max_length": 128,
        "save_steps": 4,
        "adapter": {"rank": 8, "alpha": 16, "dropout": 0.1},
    }
    return TrainingSection(**{**fields, **changes})


@pytest.fixture(scope="session")
def train_rows() -> pa.Table:
    return chat_table(120, seed=1)


@pytest.fixture(scope="session")
def validation_rows() -> pa.Table:
    return chat_table(10, seed=2)
