"""The contracts that ship: valid, satisfied by good conversations, broken by bad ones."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlops.contracts.check import check
from mlops.contracts.contract import load_contract
from mlops.contracts.lint import lint
from mlops.contracts.policy import Use, refusals
from mlops.contracts.report import ContractReport
from mlops.contracts.verdict import ContractVerdict, verdict
from mlops.datasets.chat import CHAT_SCHEMA, messages_view, records_view

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = sorted((ROOT / "data_contracts").glob("*.odcs.yaml"))
SHARED = Path(os.environ.get("MLOPS_SHARED_DATA", ROOT.parent / "shared" / "data"))
DAY = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
PURPOSES = {"support-predictions": "monitoring"}  # of the others: fine-tuning


def conversation(number: int, **change: Any) -> dict[str, Any]:
    row = {
        "record_id": f"{number:016x}",
        "conversation_id": f"c{number}",
        "source": "sample",
        "language": "en" if number % 4 else "de",
        "created_at": DAY,
        "messages": [
            {"role": "user", "content": f"My order {number} has not arrived, write to <EMAIL_ADDRESS_1>"},
            {"role": "assistant", "content": "We will send it again."},
        ],
    }
    return {**row, **change}


def judge(name: str, rows: Iterable[dict[str, Any]]) -> tuple[ContractVerdict, ContractReport]:
    table = pa.Table.from_pylist(list(rows), schema=CHAT_SCHEMA)
    contract = load_contract(ROOT / "data_contracts" / f"{name}.odcs.yaml")
    report = check(contract, {"records": records_view(table), "messages": messages_view(table)})
    return verdict(report, table.num_rows), report


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_shipped_contracts_are_clean_and_allow_their_purpose(path: Path) -> None:
    assert lint(path) == []
    contract = load_contract(path)
    purpose = PURPOSES.get(contract.name, "fine-tuning")
    allowed = Use(purpose, contract.policy.legal_basis, "EU", "ml-engineer")
    assert refusals(contract, allowed) == ()
    for forbidden in ("profiling", "resale"):
        assert "mlops.prohibitedPurposes" in str(refusals(contract, replace(allowed, purpose=forbidden)))
    assert refusals(contract, replace(allowed, region="US"))


def test_five_contracts_ship() -> None:
    assert [path.name for path in CONTRACTS] == [
        "sgd_dialogues.odcs.yaml",
        "sgd_training_set.odcs.yaml",
        "support_conversations.odcs.yaml",
        "support_predictions.odcs.yaml",
        "support_training_set.odcs.yaml",
    ]


def user(text: str | None, reply: str = "Thank you.") -> list[dict[str, str | None]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": reply}]


BAD_SOURCE_ROWS: dict[str, dict[str, Any]] = {
    "records.record_id.pattern": {"record_id": "not sixteen digits"},
    "records.message_count.range": {"messages": [{"role": "assistant", "content": "Hello"}]},
    "records.language.language_known": {"language": "it"},
    "records.language.required": {"language": None},
    "records.created_at.required": {"created_at": None},
    "records.created_plausible": {"created_at": datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)},
    "messages.role.role_known": {"messages": [{"role": "bot", "content": "Hi"}, *user("Hello")]},
    "messages.content.content_visible": {"messages": user(" \n\u00a0")},
    "messages.content.required": {"messages": user(None)},
    "messages.content.length": {"messages": user("x" * 4001)},
    "messages.ends_with_assistant": {"messages": [*user("Hello"), {"role": "user", "content": "Still there?"}]},
}


def test_each_bad_source_row_is_set_aside_for_its_reason() -> None:
    rows = [conversation(number) for number in range(600)]
    for number, change in enumerate(BAD_SOURCE_ROWS.values()):
        rows[number] |= change
    decision, report = judge("support_conversations", rows)
    expected = {rows[number]["record_id"]: rule for number, rule in enumerate(BAD_SOURCE_ROWS)}
    assert {key: rules for key, rules in report.offending.items() if expected[key] not in rules} == {}
    assert set(report.offending) == set(expected)
    assert (decision.outcome, report.errors, report.failed_table_rules) == ("pass", (), ())


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([conversation(number) for number in range(499)], "records.enough_records"),
        ([conversation(number, language="de") for number in range(600)], "records.mostly_english"),
    ],
    ids=["too few", "too little English"],
)
def test_what_blocks_the_source(rows: list[dict[str, Any]], rule: str) -> None:
    decision, report = judge("support_conversations", rows)
    assert decision.outcome == "blocked"
    assert [each.id for each in report.failed_table_rules] == [rule]


def test_repeated_conversations_only_warn() -> None:
    rows = [conversation(number, messages=user("Hello"), conversation_id="c") for number in range(600)]
    decision, report = judge("support_conversations", rows)
    assert decision.outcome == "pass"
    assert {rule.id: rule.observed for rule in report.warnings} == {
        "records.conversation_once": 100,
        "messages.repeated_records": 100,
    }


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("write to ada@mail.example.org please", "no_email"),
        ("card 4111 1111 1111 1111", "no_payment_card"),
        ("card 378282246310005.", "no_payment_card"),
        ("IBAN DE89370400440532013000", "no_iban"),
        ("IBAN GB29 NWBK 6016 1331 9268 19, thanks", "no_iban"),
        ("write to <EMAIL_ADDRESS_1>, card <CREDIT_CARD_2>, account <IBAN_CODE_1>", None),
        ("order 2024-000123456, 49.90 EUR, @support, version 1.2.3", None),
        ("DE: 12 items, REF AB12CD34", None),
    ],
)
def test_training_set_holds_nothing_unmasked(text: str, rule: str | None) -> None:
    rows = [conversation(number) for number in range(300)]
    rows[7]["messages"] = user(text)
    decision, report = judge("support_training_set", rows)
    assert decision.outcome == ("blocked" if rule else "pass")
    found = {each for rules in report.offending.values() for each in rules}
    assert found == ({f"messages.content.{rule}"} if rule else set())


def test_training_set_refuses_the_same_prompt_twice() -> None:
    rows = [conversation(number) for number in range(300)]
    rows[1]["messages"] = user("Hello", "A")
    rows[2]["messages"] = user("Hello", "B")
    decision, report = judge("support_training_set", rows)
    assert decision.outcome == "blocked"
    assert [(each.id, each.observed) for each in report.failed_table_rules] == [("messages.prompts_unique", 2)]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["sgd_dialogues", "sgd_training_set"])
def test_real_dialogues_satisfy_their_contracts(name: str) -> None:
    path = SHARED / "sgd" / "dev.jsonl"
    if not path.is_file():
        pytest.skip("the Schema-Guided Dialogue files are not here: set MLOPS_SHARED_DATA")
    roles = {"USER": "user", "SYSTEM": "assistant"}
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        dialogue = json.loads(line)
        messages = [{"role": roles[turn["speaker"]], "content": turn["text"]} for turn in dialogue["turns"]]
        identity = hashlib.sha256(dialogue["id"].encode()).hexdigest()[:16]
        change = {"record_id": identity, "conversation_id": dialogue["id"], "language": "en", "created_at": None}
        rows.append(conversation(0, **change, messages=messages))
    decision, report = judge(name, rows)
    assert (decision.outcome, dict(report.offending), report.warnings) == ("pass", {}, ())
