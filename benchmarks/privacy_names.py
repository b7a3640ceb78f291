"""Names on public data that the model was not trained on: recall by case and by origin of the name, false alarms.

    .venv/bin/python benchmarks/privacy_names.py [--model FILE]

Covered: at least 80 % of the characters of a labelled name are found as any type. Right: a found person overlaps a
label. Origins: the labelled names of restaurant bookings are replaced by names of one origin that the recipe keeps out
of training and of its tables, so every one of them is new to the model. gsm8k counts apart: the first names in it are
names. Speed is bytes by seconds of CPU time in one process, the model loaded, every sentence seen for the first time.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mlops.privacy.names.tables import ORIGINS, held_out, load
from mlops.privacy.names.tagger import Tagger

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MLOPS_SHARED_DATA", ROOT.parent / "shared" / "data"))
Labelled = tuple[str, list[tuple[int, int, str]]]
_FEWEST = 15


def restaurant() -> Iterator[Labelled]:
    for row in json.loads((DATA / "restaurant8k" / "train_0.json").read_text(encoding="utf-8")):
        spans = [
            (label["valueSpan"].get("startIndex", 0), label["valueSpan"]["endIndex"], label["slot"])
            for label in row.get("labels", [])
            if label["slot"] in {"first_name", "last_name"}
        ]
        yield row["userInput"]["text"], spans


def dialogues() -> Iterator[Labelled]:
    with (DATA / "sgd" / "dev.jsonl").open(encoding="utf-8") as lines:
        for turn in (turn for line in lines for turn in json.loads(line)["turns"]):
            yield turn["text"], [(start, end, kind) for start, end, _, kind in turn["slots"] if kind]


def synthetic() -> Iterator[Labelled]:
    for row in json.loads((DATA / "presidio_synth" / "synth_dataset_v2.json").read_text(encoding="utf-8")):
        yield (
            row["full_text"],
            [(one["start_position"], one["end_position"], one["entity_type"]) for one in row["spans"]],
        )


def tweets(name: str) -> Iterator[Labelled]:
    words: list[tuple[str, str]] = []
    for line in [*(DATA / "ner" / name).read_text(encoding="utf-8").split("\n"), ""]:
        if line.strip():
            word, *_, label = line.split("\t")
            words.append((word, label))
        elif words:
            yield _joined(words)
            words = []


def _joined(words: list[tuple[str, str]]) -> Labelled:
    text, spans = "", []
    for word, label in words:
        text += " " if text else ""
        if label.startswith("B"):
            spans.append([len(text), len(text) + len(word), label[2:].upper()])
        elif label.startswith("I") and spans:
            spans[-1][1] = len(text) + len(word)
        text += word
    return text, [(start, end, kind) for start, end, kind in spans]


def by_origin(origin: str, chance: random.Random) -> Iterator[Labelled]:
    tables = load()
    names = {
        "first_name": [name for name in tables.first[origin] if held_out(name)],
        "last_name": [name for name in tables.last[origin] if held_out(name)],
    }
    for text, spans in restaurant():
        parts, fresh, cursor, length = [], [], 0, 0
        for start, end, kind in sorted(spans):
            name = chance.choice(names[kind])
            parts += [text[cursor:start], name]
            length += start - cursor
            fresh.append((length, length + len(name), kind))
            length += len(name)
            cursor = end
        if fresh:
            yield "".join([*parts, text[cursor:]]), fresh


def measure(tagger: Tagger, title: str, rows: list[Labelled], change: Callable[[str], str] = str) -> None:
    rows = [row for row in rows if len(change(row[0])) == len(row[0])]
    texts = [change(text) for text, _ in rows]
    began = time.process_time()
    found = tagger.tag(texts)
    spent = time.process_time() - began
    labels: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    persons = right = 0
    for (_, spans), findings in zip(rows, found, strict=True):
        for start, end, kind in spans:
            labels[kind] += 1
            inside = sum(max(0, min(end, one.end) - max(start, one.start)) for one in findings)
            covered[kind] += inside >= 0.8 * (end - start)
        for one in (one for one in findings if one.type == "PERSON"):
            persons += 1
            right += any(start < one.end and one.start < end for start, end, _ in spans)
    shares = ", ".join(f"{kind} {covered[kind] / n:.3f} of {n}" for kind, n in labels.items() if n >= _FEWEST)
    speed = sum(len(text.encode()) for text in texts) / 1e6 / spent
    print(f"{title:22s} covered: {shares}; persons right {right / max(1, persons):.2f}; {speed:.2f} MB/s")


def clean(tagger: Tagger, title: str, texts: list[str]) -> None:
    began = time.process_time()
    found = tagger.tag(texts)
    spent = time.process_time() - began
    hit = sum(bool(findings) for findings in found)
    kinds = Counter(one.type for findings in found for one in findings)
    speed = sum(len(text.encode()) for text in texts) / 1e6 / spent
    print(f"{title:22s} hit: {hit} of {len(texts)} ({hit / len(texts):.2%}), {dict(kinds)}; {speed:.2f} MB/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=None)
    tagger = Tagger(parser.parse_args().model)
    for title, rows in (("restaurant8k", list(restaurant())), ("sgd dev", list(dialogues()))):
        for case, change in (("as is", str), ("lower", str.lower), ("UPPER", str.upper)):
            measure(tagger, f"{title} {case}", rows, change)
    measure(tagger, "presidio_synth", list(synthetic()))
    measure(tagger, "tweets (btc)", list(tweets("btc_train.conll")))
    measure(tagger, "tweets (wnut17)", list(tweets("wnut17_train.conll")))
    for origin in ORIGINS:
        measure(tagger, f"origin {origin}", list(by_origin(origin, random.Random(1))))
    queries = []
    for name in ("train", "test"):
        with (DATA / "banking77" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            queries += [row["text"] for row in csv.DictReader(lines)]
    clean(tagger, "banking77", queries)
    with (DATA / "gsm8k" / "train.jsonl").open(encoding="utf-8") as lines:
        sums = [f"{row['question']}\n{row['answer']}" for row in map(json.loads, lines)]
    clean(tagger, "gsm8k (holds names)", sums)


if __name__ == "__main__":
    main()
