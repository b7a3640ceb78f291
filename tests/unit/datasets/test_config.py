"""What a use case may say about its sources and its curation."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mlops.datasets.config import CurationSection, SampleSection, SourceSection, SplitSection, WindowSection


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"kind": "jsonl"}, id="files without a path"),
        pytest.param({"kind": "sample", "path": "a.jsonl"}, id="sample with a path"),
        pytest.param({"kind": "sample", "id_field": "id"}, id="sample with a mapping"),
        pytest.param({"kind": "jsonl", "path": "a", "sample": {"rows": 1}}, id="files with a sample size"),
        pytest.param({"kind": "csv", "path": "a.csv"}, id="csv with lists of messages"),
        pytest.param({"kind": "jsonl", "path": "a", "prompt_field": "q"}, id="chat with a prompt column"),
        pytest.param({"kind": "csv", "path": "a", "layout": "columns", "role_field": "r"}, id="columns with roles"),
        pytest.param({"kind": "jsonl", "path": "a", "role_map": {"x": "robot"}}, id="role that is not canonical"),
        pytest.param({"kind": "jsonl", "path": "a", "pth": "b"}, id="unknown key"),
        pytest.param({"kind": "jsonl", "path": "a", "name": "No Spaces"}, id="bad name"),
        pytest.param({"kind": "jsonl", "path": "a", "window": {"max_messages": 1}}, id="window without a prompt"),
    ],
)
def test_sources_that_make_no_sense_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SourceSection.model_validate({"name": "desk", **value})


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"split": {"train": 0.8, "validation": 0.1, "test": 0.2}}, id="more than everything"),
        pytest.param({"split": {"train": 0.9, "validation": 0.1, "test": 0.0}}, id="no test split"),
        pytest.param({"languages": ["en", "en"]}, id="language twice"),
        pytest.param({"languages": ["English"]}, id="not a code"),
        pytest.param({"max_train_rows": 0}, id="no training rows"),
        pytest.param({"duplicates": "fuzzy"}, id="unknown method"),
    ],
)
def test_curation_that_makes_no_sense_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CurationSection.model_validate(value)


@pytest.mark.parametrize("section", [SourceSection, CurationSection, SampleSection, SplitSection, WindowSection])
def test_every_field_is_described(section: type[BaseModel]) -> None:
    assert [name for name, field in section.model_fields.items() if not field.description] == []


def test_least_source_and_default_curation_are_enough() -> None:
    assert SourceSection(name="desk", kind="sample").sample is None
    assert CurationSection().split.train == 0.8
