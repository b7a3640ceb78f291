"""Recall, precision and false positives on public data kept outside the project."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from mlops.privacy.config import GENERIC
from mlops.privacy.detection import detect

pytestmark = pytest.mark.shared_data

# Lowest accepted share of labelled spans of which at least 80 % of the characters are covered by the same type.
RECALL = {
    "EMAIL_ADDRESS": 0.99,
    "IBAN_CODE": 0.99,
    "US_SSN": 0.99,
    "IP_ADDRESS": 0.99,
    "CREDIT_CARD": 0.99,
    "PHONE_NUMBER": 0.95,
    "DATE_TIME": 0.9,
}
# Lowest accepted share of found spans that overlap a label of the same type.
PRECISION = {
    "EMAIL_ADDRESS": 0.98,
    "IBAN_CODE": 0.98,
    "US_SSN": 0.98,
    "IP_ADDRESS": 0.98,
    "CREDIT_CARD": 0.98,
    "PHONE_NUMBER": 0.9,
    "PERSON": 0.9,
}


def _covered(label: dict[str, int], spans: list[tuple[int, int]]) -> bool:
    start, end = label["start_position"], label["end_position"]
    inside = sum(max(0, min(end, high) - max(start, low)) for low, high in spans)
    return inside >= 0.8 * (end - start)


def test_recall_and_precision_on_labelled_texts(shared_data: Path) -> None:
    labels: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for name in ("synth_dataset_v2.json", "generated_small.json"):
        for row in json.loads((shared_data / "presidio_synth" / name).read_text(encoding="utf-8")):
            spans = detect(row["full_text"])
            for label in row["spans"]:
                kind = label["entity_type"]
                labels[kind] += 1
                hits[kind] += _covered(label, [(span.start, span.end) for span in spans if span.type == kind])
            for span in spans:
                found[span.type] += 1
                right[span.type] += any(
                    label["entity_type"] == span.type
                    and label["start_position"] < span.end
                    and span.start < label["end_position"]
                    for label in row["spans"]
                )
    assert {kind: hits[kind] / labels[kind] for kind in RECALL if hits[kind] < RECALL[kind] * labels[kind]} == {}
    assert {kind: right[kind] / found[kind] for kind in PRECISION if right[kind] < PRECISION[kind] * found[kind]} == {}


def test_school_sums_are_hardly_ever_hit(shared_data: Path) -> None:
    """Clean text full of numbers: at most 1.0 % of the documents, and none for anything but a name."""
    hit = documents = 0
    kinds: Counter[str] = Counter()
    with (shared_data / "gsm8k" / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            spans = detect(f"{row['question']}\n{row['answer']}", left_out=GENERIC)
            documents += 1
            hit += bool(spans)
            kinds.update(span.type for span in spans)
    assert documents > 7000
    assert hit <= 0.01 * documents
    assert set(kinds) <= {"PERSON"}


def test_telephone_numbers_of_dialogues_are_covered(shared_data: Path) -> None:
    """Spans of the SGD development dialogues that are labelled as telephone numbers, covered by any type."""
    labels = covered = 0
    with (shared_data / "sgd" / "dev.jsonl").open(encoding="utf-8") as lines:
        for turn in (turn for line in lines for turn in json.loads(line)["turns"]):
            places = [(start, end) for start, end, _, kind in turn["slots"] if kind == "PHONE"]
            spans = detect(turn["text"]) if places else []
            for start, end in places:
                labels += 1
                inside = sum(max(0, min(end, span.end) - max(start, span.start)) for span in spans)
                covered += inside >= 0.8 * (end - start)
    assert labels > 100
    assert covered >= 0.95 * labels


def test_bank_queries_are_hardly_ever_hit(shared_data: Path) -> None:
    """Real messages without personal data: at most 0.5 % of them, dates and web addresses apart."""
    hit = messages = 0
    for name in ("train.csv", "test.csv"):
        with (shared_data / "banking77" / name).open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                messages += 1
                hit += bool(detect(row["text"], left_out=GENERIC))
    assert messages > 13_000
    assert hit <= 0.005 * messages


def test_numbers_of_spanish_clinical_records_are_covered(shared_data: Path) -> None:
    """Labelled identifiers and telephone numbers of clinical cases; how many found telephone numbers are labelled."""
    labels: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    phones = right = 0
    for path in sorted((shared_data / "meddocan").glob("*.ann")):
        with path.with_suffix(".txt").open(encoding="utf-8", newline="") as file:
            spans = detect(file.read())
        named = []
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, start, end = line.split("\t")[1].split(" ")[:3] if line.startswith("T") else ("", "0", "0")
            group = "ID" if kind.startswith("ID_") else "PHONE" if kind in {"NUMERO_TELEFONO", "NUMERO_FAX"} else ""
            if group:
                label = {"start_position": int(start), "end_position": int(end)}
                labels[group] += 1
                hits[group] += _covered(label, [(span.start, span.end) for span in spans])
                named.append((group, int(start), int(end)))
        for span in (span for span in spans if span.type == "PHONE_NUMBER"):
            phones += 1
            right += any(group == "PHONE" and low < span.end and span.start < high for group, low, high in named)
    assert labels["ID"] > 300
    assert hits["ID"] >= 0.9 * labels["ID"]
    assert hits["PHONE"] >= 0.9 * labels["PHONE"]
    assert right >= 0.8 * phones
