"""The dataset card: what contract and ledger know, in the Hub's form, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.governance.catalog.dataset_card import dataset_card
from mlops.governance.catalog.gather import Entry, gather_one
from mlops.governance.catalog.results import Check
from mlops.settings import Settings
from tests.reviewed_project import BAD_RECORD, TRACER


@pytest.fixture(scope="module")
def entry(reviewed: Settings) -> Entry:
    return gather_one(reviewed, reviewed.root / "data_contracts" / "support_conversations.odcs.yaml")


def matter(card: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_the_hub_reads_the_front_matter(entry: Entry):
    hub = pytest.importorskip("huggingface_hub")
    card = hub.DatasetCard(dataset_card(entry))
    assert card.data.pretty_name == "support-conversations"
    assert card.data.language == ["de", "en", "es", "fr"]
    assert card.data.size_categories == ["n<1K"]
    assert card.data.tags == ["support"]
    assert card.data.license is None
    assert card.text.lstrip().startswith("# Dataset Card for support-conversations")


def test_the_sections_are_those_of_the_hub_in_its_order(entry: Entry):
    headings = [line for line in dataset_card(entry).splitlines() if line.startswith("## ")]
    assert headings == [
        "## Dataset Details",
        "## Uses",
        "## Dataset Structure",
        "## Dataset Creation",
        "## Bias, Risks, and Limitations",
        "## Dataset Card Contact",
    ]


def test_it_says_what_the_contract_says(entry: Entry):
    card = dataset_card(entry)
    for words in (
        "- **Permitted purposes:** fine-tuning, offline-evaluation",
        "- **Prohibited purposes:** profiling, resale",
        "- **Residency:** EU",
        "- **Data subjects:** customers, support agents",
        "- **Deletion:** on request within 30 days",
        "kept for at most 5 years, counted from records.created_at (regulatory)",
        "1.9.0, active, not approved",
        f"`{entry.contract.digest}`",
        "- No row may have a language other than en, de, fr or es.",
        "| `turn` | integer | yes | internal |",
    ):
        assert words in card


def test_figures_are_those_of_the_newest_data_that_passed(entry: Entry):
    card = dataset_card(entry)
    assert "601 rows read, 600 passed on. 1 broke a rule and were set aside." in card
    assert "against version 2.0.0" in card
    assert "| `records.language.language_known` | fail | 1 | mustBe 0 rows |" in card


def test_without_a_check_there_are_no_figures(entry: Entry):
    card = dataset_card(replace(entry, checks=()))
    assert "size_categories" not in card
    assert "No data was checked against this contract yet." in card


def test_no_value_and_no_record_id_reaches_the_card(entry: Entry):
    assert TRACER not in dataset_card(entry)
    assert BAD_RECORD not in dataset_card(entry)


def test_the_same_state_gives_the_same_card(reviewed: Settings, entry: Entry):
    again = gather_one(reviewed, reviewed.root / "data_contracts" / "support_conversations.odcs.yaml")
    assert dataset_card(again) == dataset_card(entry)


def checked(entry: Entry, **change: Any) -> Entry:
    check: Check = replace(entry.checks[0], **change)
    return replace(entry, checks=(check,))


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (5_000_000, "1M<n<10M"),
        (10**10, "n>10B"),
    ],
)
def test_size(entry: Entry, rows: int, word: str):
    assert matter(dataset_card(checked(entry, rows_out=rows)))["size_categories"] == [word]


def test_splits_become_files_in_their_order(entry: Entry):
    card = dataset_card(checked(entry, splits={"test": 2, "train": 1500, "validation": 3}))
    assert matter(card)["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train/*.parquet"},
                {"split": "validation", "path": "validation/*.parquet"},
                {"split": "test", "path": "test/*.parquet"},
            ],
        }
    ]
    assert "| train | 1,500 |" in card


CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:card
name: card
version: 1.0.0
status: draft
schema:
- name: records
  properties:
  - {name: language, logicalType: string, enum: [{value: 'no'}, {value: English}]}
roles: [{role: reader}]
"""
POLICY = """\
customProperties:
- {property: mlops.legalBasis, value: %s}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.residency, value: [EU]}
"""


def card_of(tmp_path: Path, basis: str, more: str = "") -> str:
    path = tmp_path / "card.odcs.yaml"
    path.write_text(CONTRACT + more + POLICY % basis)
    return dataset_card(gather_one(Settings(root=tmp_path), path))


LICENCES = {
    "gdpr-6-1-f": {},
    "licence-cc-by-sa-4": {"license": "cc-by-sa-4.0"},
    "license-MIT": {"license": "mit"},
    "licence-house-terms": {"license": "other", "license_name": "house-terms"},
}


@pytest.mark.parametrize("basis", LICENCES)
def test_licence(tmp_path: Path, basis: str):
    found = matter(card_of(tmp_path, basis))
    assert {key: value for key, value in found.items() if key.startswith("license")} == LICENCES[basis]


def test_a_linked_licence_is_named_by_its_link(tmp_path: Path):
    more = "authoritativeDefinitions: [{type: license, url: 'https://a.example/terms'}]\n"
    found = matter(card_of(tmp_path, "contract", more))
    assert (found["license"], found["license_link"]) == ("other", "https://a.example/terms")


def test_a_language_that_yaml_would_read_as_a_boolean_stays_a_word(tmp_path: Path):
    assert matter(card_of(tmp_path, "consent"))["language"] == ["no"]


def test_what_is_not_known_is_left_out(tmp_path: Path):
    card = card_of(tmp_path, "consent")
    assert set(matter(card)) == {"pretty_name", "language"}
    for word in ("None", "null", "More Information", "Contact", "Curated by"):
        assert word not in card


def test_hostile_text_neither_leaves_its_line_nor_its_cell(tmp_path: Path):
    said = '"x | y\\n---\\n# Heading\\n<script>alert(1)</script> [a](javascript:b) `c`"'
    more = f"description: {{purpose: {said}, limitations: {said}}}\ndomain: {said}\nteam: {{name: {said}}}\n"
    card = card_of(tmp_path, "consent", more)
    body = card.split("---\n", 2)[2]
    assert "<script" not in body
    assert "\n# Heading" not in card
    assert not re.search(r"(?<!\\)\]\(", body)
    assert "x \\| y --- # Heading" in body
    assert matter(card)["tags"] == ["x | y --- # Heading <script>alert(1)</script> [a](javascript:b) `c`"]
