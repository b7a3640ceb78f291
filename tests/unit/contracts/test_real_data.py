"""Contracts over real, published text. The figures are those of the files, counted by other means as well."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlops.contracts.check import check
from mlops.contracts.contract import load_contract
from mlops.contracts.lint import errors, lint
from mlops.contracts.report import ContractReport
from mlops.contracts.verdict import verdict
from mlops.stages.checks.arguments import argument_problems
from mlops.stages.named_checks import named_checks
from mlops.text.normalise import normalise

CONTRACTS = Path(__file__).parents[2] / "contracts_for_data"
pytestmark = pytest.mark.shared_data


def identity(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def observed(report: ContractReport, *rules: str, table: str = "records") -> dict[str, tuple[str, Any]]:
    """What became of some rules of one object, and the number behind it."""
    found = {rule.id: (rule.outcome, rule.observed) for rule in report.rules}
    return {f"{table}.{rule}": found[f"{table}.{rule}"] for rule in rules}


def queries(shared_data: Path, part: str) -> list[dict[str, str]]:
    with (shared_data / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def dialogues(shared_data: Path, part: str, most: int) -> list[dict[str, Any]]:
    with (shared_data / "sgd" / f"{part}.jsonl").open(encoding="utf-8") as stream:
        return [json.loads(line) for line, _ in zip(stream, range(most), strict=False)]


def messages(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = {"USER": "user", "SYSTEM": "assistant"}
    return [
        {"record_id": identity(each["id"]), "turn": turn, "role": roles[one["speaker"]], "content": one["text"]}
        for each in said
        for turn, one in enumerate(each["turns"])
    ]


def hold_out(root: Path, texts: list[str]) -> None:
    """Writes the file that the contracts pin by its digest."""
    lines = "".join(f"{json.dumps({'text': text})}\n" for text in texts)
    (root / "held_out.jsonl").write_text(lines, encoding="utf-8")


def share_an_ngram(texts: list[str], held_out: list[str], n: int) -> set[int]:
    """Rows that overlap, found without hashes and without columns."""

    def grams(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[^\W_]+", normalise(text))
        return {tuple(words[start : start + n]) for start in range(len(words) - n + 1)}

    known = set().union(*map(grams, held_out))
    return {row for row, text in enumerate(texts) if not known.isdisjoint(grams(text))}


@pytest.mark.parametrize("path", sorted(CONTRACTS.glob("*.odcs.yaml")), ids=lambda path: path.stem)
def test_the_contracts_can_be_run(path: Path) -> None:
    assert errors(lint(path, argument_problems=argument_problems)) == []


def test_banking77(shared_data: Path, tmp_path: Path) -> None:
    train, test = queries(shared_data, "train"), queries(shared_data, "test")
    texts = [row["text"] for row in train]
    hold_out(tmp_path, [row["text"] for row in test])
    ids = [identity(f"train:{line}") for line in range(len(train))]
    table = pa.table({"record_id": ids, "text": texts, "intent": [row["category"] for row in train]})

    contract = load_contract(CONTRACTS / "banking77.odcs.yaml")
    report = check(contract, {"records": table}, named_checks(tmp_path))

    decided = verdict(report, len(train))
    forms = Counter(map(normalise, texts))
    twice = {ids[row] for row, text in enumerate(texts) if forms[normalise(text)] > 1}
    overlap = share_an_ngram(texts, [row["text"] for row in test], 13)
    assert (decided.outcome, report.errors, set(decided.quarantined)) == ("pass", (), twice)
    assert observed(report, "as_published", "enough", "every_intent", "rarest_intent") == {
        "records.as_published": ("pass", 10_003),
        "records.enough": ("pass", 10_003),
        "records.every_intent": ("pass", 77),
        "records.rarest_intent": ("pass", 35),
    }
    assert len(overlap) == 37
    assert observed(report, "asked_once", "sentences", "not_in_the_test", "text.trimmed", "text.length") == {
        "records.asked_once": ("fail", 8),
        "records.sentences": ("warn", 21),
        "records.not_in_the_test": ("warn", 37),
        "records.text.trimmed": ("warn", sum(text != text.strip() for text in texts)),
        "records.text.length": ("pass", 0),
    }
    assert len(report.warnings) == 3


def test_schema_guided_dialogue(shared_data: Path, tmp_path: Path) -> None:
    said = dialogues(shared_data, "train", 1_000)
    rows, held_out = messages(said), messages(dialogues(shared_data, "dev", 600))
    hold_out(tmp_path, [row["content"] for row in held_out])
    records = [
        {"record_id": identity(each["id"]), "services": len(each["services"]), "turns": len(each["turns"])}
        for each in said
    ]
    tables = {"records": pa.Table.from_pylist(records), "messages": pa.Table.from_pylist(rows)}

    contract = load_contract(CONTRACTS / "schema_guided_dialogue.odcs.yaml")
    report = check(contract, tables, named_checks(tmp_path))

    overlap = share_an_ngram([row["content"] for row in rows], [row["content"] for row in held_out], 13)
    learnt = {rows[row]["record_id"] for row in overlap}
    decided = verdict(report, len(said))
    assert (decided.outcome, report.errors, set(decided.quarantined)) == ("pass", (), learnt)
    assert dict(report.rows) == {"records": 1_000, "messages": len(rows)} == {"records": 1_000, "messages": 20_928}
    said_once = Counter((row["role"], normalise(row["content"])) for row in rows)
    repeated = sum(count for count in said_once.values() if count > 1)
    phones = sum(bool(re.search(r"\d{3}[ -]\d{3}[ -]\d{4}", row["content"])) for row in rows)
    found = observed(report, "as_announced", "in_turns", "short_turns", "not_held_out", table="messages")
    assert found == {
        "messages.as_announced": ("pass", 0),
        "messages.in_turns": ("pass", 0),
        "messages.short_turns": ("pass", 0),
        "messages.not_held_out": ("fail", 22),
    }
    assert (len(overlap), repeated, phones) == (22, 4_517, 266)
    assert observed(report, "said_once", "content.few_phone_numbers", table="messages") == {
        "messages.said_once": ("warn", repeated / len(rows)),
        "messages.content.few_phone_numbers": ("warn", pytest.approx(100 * phones / len(rows))),
    }
    assert len(report.warnings) == 2
