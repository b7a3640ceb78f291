"""Curation: what is removed is logged, what is kept is on one side, and order of rows decides nothing."""

from __future__ import annotations

import time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.config import CurationSection, SplitSection
from mlops.datasets.curation import (
    REMOVED_SCHEMA,
    curate,
    drop_conflicts,
    drop_exact_duplicates,
    keep_languages,
    keyed_hash,
    sample_rows,
    split_by_conversation,
    text_keys,
)
from mlops.datasets.errors import DatasetError

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
TEXTS = st.sampled_from(["My kettle", "my  KETTLE ", "my kettles", "straße", "STRASSE", "ok", ""])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "record_id": st.integers(0, 40).map(lambda number: f"{number:016x}"),
            "conversation_id": st.none() | st.integers(0, 12).map(str),
            "language": st.sampled_from([None, "en", "de"]),
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXTS}), max_size=2
            ),
        }
    ),
    max_size=25,
)


def chat_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=CHAT_SCHEMA)


def one(record: str, text: str, **change: Any) -> dict[str, Any]:
    return {"record_id": record, "conversation_id": record, "messages": [{"role": "user", "content": text}], **change}


@settings(max_examples=80, deadline=None)
@given(rows=ROWS)
def test_each_text_stays_exactly_once_and_each_removed_row_points_to_it(rows: list[dict[str, Any]]) -> None:
    table = chat_table(rows)
    kept, removed = drop_exact_duplicates(table)
    keys = text_keys(kept)
    assert removed.schema == REMOVED_SCHEMA
    assert kept.num_rows + removed.num_rows == table.num_rows
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(text_keys(table))
    smallest: dict[bytes, str] = {}
    for record, key in zip(table["record_id"].to_pylist(), text_keys(table), strict=True):
        smallest[key] = min(record, smallest.get(key, record))
    assert sorted(smallest.values()) == kept["record_id"].to_pylist()
    assert {row["reason"] for row in removed.to_pylist()} <= {"exact_duplicate"}
    assert set(removed["kept_record_id"].to_pylist()) <= set(kept["record_id"].to_pylist())


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(rows: list[dict[str, Any]], order: Any) -> None:
    section = CurationSection(languages=("en",), max_train_rows=3)
    shuffled = list(rows)
    order.shuffle(shuffled)
    first, first_log = curate(chat_table(rows), section)
    second, second_log = curate(chat_table(shuffled), section)
    by_all = [(name, "ascending") for name in REMOVED_SCHEMA.names]
    assert {name: split["record_id"].to_pylist() for name, split in first.items()} == {
        name: split["record_id"].to_pylist() for name, split in second.items()
    }
    assert first_log.sort_by(by_all).equals(second_log.sort_by(by_all))
    assert sum(split.num_rows for split in first.values()) + first_log.num_rows == len(rows)


@settings(max_examples=80, deadline=None)
@given(rows=ROWS)
def test_neither_a_conversation_nor_a_duplicate_is_on_two_sides(rows: list[dict[str, Any]]) -> None:
    table = chat_table(rows)
    splits = split_by_conversation(table, SHARES, "salt")
    assert list(splits) == list(SHARES)
    assert sum(split.num_rows for split in splits.values()) == table.num_rows
    conversations: dict[str, set[str]] = {}
    texts: dict[bytes, set[str]] = {}
    for name, split in splits.items():
        assert split["record_id"].to_pylist() == sorted(split["record_id"].to_pylist())
        for conversation, key in zip(split["conversation_id"].to_pylist(), text_keys(split), strict=True):
            conversations.setdefault(conversation, set()).add(name)
            texts.setdefault(key, set()).add(name)
    assert all(len(names) == 1 for key, names in conversations.items() if key is not None)
    assert all(len(names) == 1 for names in texts.values())


def test_a_conversation_keeps_its_side_when_others_come_and_go() -> None:
    rows = [one(f"{number:016x}", f"text {number}") for number in range(400)]
    large = split_by_conversation(chat_table(rows), SHARES, "salt")
    small = split_by_conversation(chat_table(rows[::3]), SHARES, "salt")
    for name, split in small.items():
        assert set(split["record_id"].to_pylist()) <= set(large[name]["record_id"].to_pylist())


def test_shares_are_met_and_another_salt_splits_otherwise() -> None:
    table = chat_table([one(f"{number:016x}", f"text {number}") for number in range(4000)])
    first = split_by_conversation(table, SHARES, "one")
    second = split_by_conversation(table, SHARES, "two")
    # Three standard deviations of a binomial with 4000 draws are below 94 rows.
    for name, share in SHARES.items():
        assert abs(first[name].num_rows - 4000 * share) < 94
    assert first["test"]["record_id"].to_pylist() != second["test"]["record_id"].to_pylist()


def test_a_share_of_zero_gets_no_row() -> None:
    table = chat_table([one(f"{number:016x}", f"text {number}") for number in range(200)])
    assert split_by_conversation(table, {"train": 0.5, "validation": 0.0, "test": 0.5}, "s")["validation"].num_rows == 0


@pytest.mark.parametrize("shares", [{}, {"train": 0.5}, {"train": 1.5, "test": -0.5}, {"train": float("nan")}])
def test_shares_that_are_no_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(DatasetError, match="DATASET-008"):
        split_by_conversation(chat_table([]), shares, "s")


def test_role_and_order_of_messages_are_part_of_the_text() -> None:
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    rows = [one("1", "", messages=talk), one("2", "", messages=talk[::-1]), one("3", "", messages=talk[:1])]
    swapped = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    assert drop_exact_duplicates(chat_table([*rows, one("4", "", messages=swapped)]))[1].num_rows == 0


def test_languages_are_kept_or_logged_with_their_reason() -> None:
    table = chat_table([one("1", "a", language="en"), one("2", "b", language="de"), one("3", "c", language=None)])
    kept, removed = keep_languages(table, ("en", "fr"))
    assert kept["record_id"].to_pylist() == ["1"]
    assert {(row["record_id"], row["reason"]) for row in removed.to_pylist()} == {
        ("2", "language_not_allowed"),
        ("3", "language_missing"),
    }
    assert keep_languages(table, ())[0].num_rows == 3


def test_a_larger_sample_contains_the_smaller_one() -> None:
    table = chat_table([one(f"{number:016x}", str(number)) for number in range(50)])
    small, removed = sample_rows(table, 10, "s")
    large, _ = sample_rows(table, 30, "s")
    assert small.num_rows == 10
    assert removed.num_rows == 40
    assert set(small["record_id"].to_pylist()) < set(large["record_id"].to_pylist())
    with pytest.raises(DatasetError, match="DATASET-008"):
        sample_rows(table, 0, "s")


def test_duplicates_stay_when_curation_says_so() -> None:
    table = chat_table([one("1", "a"), one("2", " A ")])
    splits, removed = curate(table, CurationSection(duplicates="off", split=SplitSection()))
    assert removed.num_rows == 0
    assert sorted(split.num_rows for split in splits.values()) == [0, 0, 2]


@given(st.text(), st.text(min_size=1))
def test_the_keyed_hash_is_a_number_below_one(text: str, salt: str) -> None:
    try:
        text.encode(), salt.encode()
    except UnicodeEncodeError:
        return
    assert 0.0 <= keyed_hash(salt)(text) < 1.0


def test_fifty_thousand_rows_take_seconds() -> None:
    rows = [one(f"{number * 7919 % 50_000:016x}", f"text {number % 45_000} " * 12) for number in range(50_000)]
    table = chat_table(rows)
    start = time.process_time()
    splits, removed = curate(table, CurationSection())
    assert time.process_time() - start < 15.0
    assert removed.num_rows == 5_000
    assert sum(split.num_rows for split in splits.values()) == 45_000


def _asked(record: str, question: str, answer: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"record_id": record, "conversation_id": record, "messages": messages}


def test_rows_with_one_prompt_and_different_targets_are_all_removed() -> None:
    rows = [_asked("a", "?", "refund"), _asked("b", "? ", "repair"), _asked("c", "hello", "refund")]
    kept, removed = drop_conflicts(chat_table(rows))
    assert kept["record_id"].to_pylist() == ["c"]
    assert removed["record_id"].to_pylist() == ["a", "b"]
    assert set(removed["reason"].to_pylist()) == {"conflicting_target"}


def test_conflicts_stay_where_the_use_case_keeps_them() -> None:
    rows = [_asked("a", "?", "refund"), _asked("b", "?", "repair")]
    splits, removed = curate(chat_table(rows), CurationSection(conflicts="keep"))
    assert sum(table.num_rows for table in splits.values()) == 2
    assert removed.num_rows == 0
    splits, removed = curate(chat_table(rows), CurationSection(conflicts="drop"))
    assert sum(table.num_rows for table in splits.values()) == 0
    assert removed.num_rows == 2
