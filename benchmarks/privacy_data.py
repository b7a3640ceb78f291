"""Public data sets as labelled texts, under Presidio's names of types where it has one.

Read from ``../shared/data`` or MLOPS_SHARED_DATA; nothing of them is kept.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops.privacy.evaluation import Label, Labelled

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MLOPS_SHARED_DATA", ROOT.parent / "shared" / "data"))

_PRESIDIO = {
    "ADDRESS": "LOCATION",
    "STREET_ADDRESS": "LOCATION",
    "GPE": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "DOMAIN_NAME": "URL",
}
_SGD = {"PHONE": "PHONE_NUMBER", "CITY": "LOCATION", "ADDRESS": "LOCATION", "PERSON": "PERSON"}
_RESTAURANT = {"first_name": "PERSON", "last_name": "PERSON", "date": "DATE_TIME"}
_MEDDOCAN = {
    "CALLE": "LOCATION",
    "CENTRO_SALUD": "ORGANIZATION",
    "CORREO_ELECTRONICO": "EMAIL_ADDRESS",
    "FECHAS": "DATE_TIME",
    "HOSPITAL": "ORGANIZATION",
    "ID_ASEGURAMIENTO": "CLINICAL_ID",
    "ID_CONTACTO_ASISTENCIAL": "CLINICAL_ID",
    "ID_SUJETO_ASISTENCIA": "CLINICAL_ID",
    "ID_TITULACION_PERSONAL_SANITARIO": "CLINICAL_ID",
    "INSTITUCION": "ORGANIZATION",
    "NOMBRE_PERSONAL_SANITARIO": "PERSON",
    "NOMBRE_SUJETO_ASISTENCIA": "PERSON",
    "NUMERO_FAX": "PHONE_NUMBER",
    "NUMERO_TELEFONO": "PHONE_NUMBER",
    "PAIS": "LOCATION",
    "TERRITORIO": "LOCATION",
}
_CONLL = {"PER": "PERSON", "person": "PERSON", "LOC": "LOCATION", "location": "LOCATION", "ORG": "ORGANIZATION"}


def presidio_synth() -> list[Labelled]:
    """1,600 generated texts; types that we have no name for (titles, ages …) keep theirs."""
    rows = []
    for name in ("synth_dataset_v2.json", "generated_small.json"):
        for row in json.loads((DATA / "presidio_synth" / name).read_text(encoding="utf-8")):
            places = [(each["start_position"], each["end_position"], each["entity_type"]) for each in row["spans"]]
            rows.append(_labelled(row["full_text"], places, _PRESIDIO, others=True))
    return rows


def sgd() -> list[list[Labelled]]:
    """Dialogues between a user and an assistant, by turn. Slots only: what is said outside a slot has no label."""
    dialogues = []
    for name in ("dev.jsonl", "train.jsonl"):
        with (DATA / "sgd" / name).open(encoding="utf-8") as lines:
            for line in lines:
                turns = json.loads(line)["turns"]
                dialogues.append(
                    [_labelled(turn["text"], [(a, b, kind) for a, b, _, kind in turn["slots"]], _SGD) for turn in turns]
                )
    return dialogues


def restaurant8k() -> list[Labelled]:
    """Real booking messages with the names and dates in them."""
    rows = []
    for row in json.loads((DATA / "restaurant8k" / "train_0.json").read_text(encoding="utf-8")):
        spans = [(each["valueSpan"], each["slot"]) for each in row.get("labels", [])]
        places = [(span.get("startIndex", 0), span["endIndex"], slot) for span, slot in spans]
        rows.append(_labelled(row["userInput"]["text"], places, _RESTAURANT))
    return rows


def meddocan() -> list[Labelled]:
    """100 Spanish clinical cases; the numbers of patients, insurances and physicians are CLINICAL_ID."""
    rows = []
    for path in sorted((DATA / "meddocan").glob("*.ann")):
        places = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("T"):
                kind, start, end = line.split("\t")[1].split(" ")
                places.append((int(start), int(end), kind))
        # Offsets count every character of the file, line ends included.
        text = path.with_suffix(".txt").read_bytes().decode("utf-8")
        rows.append(_labelled(text, places, _MEDDOCAN))
    return rows


def tweets() -> list[Labelled]:
    """Tweets and forum posts, their words joined by spaces."""
    rows = []
    for path in sorted((DATA / "ner").glob("*.conll")):
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            words = [line.split("\t") for line in block.splitlines() if "\t" in line]
            rows.append(_tagged([(word[0], word[-1].strip()) for word in words]))
    return [row for row in rows if row.text]


def _tagged(words: list[tuple[str, str]]) -> Labelled:
    places: list[tuple[int, int, str]] = []
    cursor = 0
    for word, tag in words:
        start, cursor = cursor, cursor + len(word) + 1
        if tag.startswith("B-"):
            places.append((start, start + len(word), tag[2:]))
        elif tag.startswith("I-") and places:
            places[-1] = (places[-1][0], start + len(word), places[-1][2])
    return _labelled(" ".join(word for word, _ in words), places, _CONLL)


def gsm8k() -> list[str]:
    """School sums: numbers, and nobody's data."""
    with (DATA / "gsm8k" / "train.jsonl").open(encoding="utf-8") as lines:
        return [f"{row['question']}\n{row['answer']}" for row in map(json.loads, lines)]


def banking77() -> list[str]:
    """Real questions to a bank; hardly anybody's data."""
    return list(_banking())


def _banking() -> Iterator[str]:
    for name in ("train.csv", "test.csv"):
        with (DATA / "banking77" / name).open(encoding="utf-8", newline="") as lines:
            yield from (row["text"] for row in csv.DictReader(lines))


def _labelled(
    text: str, places: list[tuple[int, int, Any]], types: Mapping[str, str], others: bool = False
) -> Labelled:
    named = {(start, end, types.get(kind, kind if others else None)) for start, end, kind in places}
    return Labelled(text, tuple(sorted(Label(start, end, kind) for start, end, kind in named if kind)))
