"""Pretraining text: of the sample's world, without its targets and its people."""

from __future__ import annotations

import json
import re
from itertools import islice

import pytest

from mlops.datasets.errors import DatasetError
from mlops.datasets.sample import generate
from mlops.datasets.sample.export import generate_labelled
from mlops.datasets.sample.prose import pretraining_texts

COUNT = 1500


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return list(pretraining_texts(COUNT, 1))


def test_no_ticket_no_json_no_personal_data(texts: list[str]) -> None:
    for text in texts:
        assert not re.search(r'[{}<>|"\ue000]|@|_', text)
        assert not re.search(r"\b(tok|sk|key)[_-]test|987-65-432|example\.", text)


def test_texts_are_many_and_long_enough(texts: list[str]) -> None:
    assert len(set(texts)) > 0.98 * COUNT
    words = sorted(len(text.split()) for text in texts)
    assert 30 < words[COUNT // 2] < 100
    assert words[0] >= 5


def test_talks_and_pages_are_both_there(texts: list[str]) -> None:
    talks = [text for text in texts if text.startswith("Customer: ")]
    assert 0.6 < len(talks) / COUNT < 0.7
    assert all("\nAgent: " in text for text in talks)


def test_same_seed_same_texts_and_prefix_and_other_seed_other_texts(texts: list[str]) -> None:
    assert list(islice(pretraining_texts(COUNT * 2, 1), COUNT)) == texts
    # A short help page may come twice; talks hardly do.
    assert len(set(pretraining_texts(200, 2)) & set(texts[:200])) < 10


def test_no_talk_of_the_sample_is_repeated(texts: list[str]) -> None:
    prompts = {
        json.dumps([message["content"] for message in labelled.row["messages"][:-1]])
        for labelled in generate_labelled(1000, 7)
        if labelled.defect == "clean"
    }
    spoken = {json.dumps([line.partition(": ")[2] for line in text.split("\n")][:-1]) for text in texts}
    assert len(prompts & spoken) / len(prompts) < 0.01
    assert len(list(generate(5, 1))) == 5


def test_a_negative_count_is_refused_at_once() -> None:
    with pytest.raises(DatasetError, match="DATASET-008"):
        pretraining_texts(-1, 0)
