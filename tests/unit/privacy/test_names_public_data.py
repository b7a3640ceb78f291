"""Names on public data kept outside the project, which the model was never trained on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from mlops.privacy.names.tagger import shipped

pytestmark = pytest.mark.shared_data

CASES = pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as is", "lower", "upper"])


def _covered(rows: Iterable[tuple[str, list[tuple[int, int]]]], change: Callable[[str], str]) -> float:
    """Share of labelled names of which at least 80 % of the characters are found, as any type."""
    rows = [(change(text), spans) for text, spans in rows if spans and len(change(text)) == len(text)]
    labels = covered = 0
    for (_, spans), found in zip(rows, shipped().tag([text for text, _ in rows]), strict=True):
        for start, end in spans:
            labels += 1
            inside = sum(max(0, min(end, one.end) - max(start, one.start)) for one in found)
            covered += inside >= 0.8 * (end - start)
    assert labels > 100
    return covered / labels


@CASES
def test_names_of_restaurant_bookings_are_covered(shared_data: Path, change: Callable[[str], str]) -> None:
    rows = json.loads((shared_data / "restaurant8k" / "train_0.json").read_text(encoding="utf-8"))
    spans = [
        (
            row["userInput"]["text"],
            [
                (label["valueSpan"].get("startIndex", 0), label["valueSpan"]["endIndex"])
                for label in row.get("labels", [])
                if label["slot"] in {"first_name", "last_name"}
            ],
        )
        for row in rows
    ]
    assert _covered(spans, change) >= 0.85


@CASES
def test_names_of_persons_in_dialogues_are_covered(shared_data: Path, change: Callable[[str], str]) -> None:
    with (shared_data / "sgd" / "dev.jsonl").open(encoding="utf-8") as lines:
        turns = [turn for line in lines for turn in json.loads(line)["turns"]]
    rows = [(turn["text"], [(s, e) for s, e, _, kind in turn["slots"] if kind == "PERSON"]) for turn in turns]
    assert _covered(rows, change) >= 0.75


def test_banking_questions_are_hardly_ever_hit(shared_data: Path) -> None:
    texts: list[str] = []
    for name in ("train", "test"):
        with (shared_data / "banking77" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            texts += [row["text"] for row in csv.DictReader(lines)]
    hit = sum(bool(found) for found in shipped().tag(texts))
    assert len(texts) > 13_000
    assert hit <= 0.005 * len(texts)
