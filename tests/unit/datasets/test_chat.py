"""The two contract views say the same as the chat table they are made from."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.datasets.chat import (
    CHAT_SCHEMA,
    MESSAGES_SCHEMA,
    RECORDS_SCHEMA,
    ROLES,
    conform,
    messages_view,
    records_view,
)
from mlops.datasets.errors import DatasetError

MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(ROLES), "content": st.text(max_size=8)})
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "record_id": st.text("0123456789abcdef", min_size=16, max_size=16),
            "messages": st.none() | st.lists(MESSAGE, max_size=4),
        }
    ),
    max_size=6,
)


def chat_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=CHAT_SCHEMA)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 6))
def test_views_hold_every_record_and_every_message_whatever_the_chunks(rows: list[dict[str, Any]], cut: int) -> None:
    table = chat_table(rows)
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    expected = [
        (row["record_id"], turn, message["role"], message["content"])
        for row in rows
        for turn, message in enumerate(row["messages"] or [])
    ]
    found = messages_view(chunked)
    assert found.schema == MESSAGES_SCHEMA
    assert [tuple(row.values()) for row in found.to_pylist()] == expected
    records = records_view(chunked)
    assert records.schema == RECORDS_SCHEMA
    assert records["message_count"].to_pylist() == [
        None if row["messages"] is None else len(row["messages"]) for row in rows
    ]


def test_views_of_a_slice_do_not_see_the_rows_outside_it() -> None:
    rows = [{"record_id": f"{i:016x}", "messages": [{"role": "user", "content": str(i)}] * i} for i in range(5)]
    view = messages_view(chat_table(rows).slice(2, 2))
    assert view["content"].to_pylist() == ["2", "2", "3", "3", "3"]
    assert view["turn"].to_pylist() == [0, 1, 0, 1, 2]


def test_conform_orders_columns_and_drops_metadata() -> None:
    table = chat_table([]).select(CHAT_SCHEMA.names[::-1]).replace_schema_metadata({"who": "me"})
    assert conform(table).schema.equals(CHAT_SCHEMA, check_metadata=True)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(chat_table([]).drop_columns(["language"]), id="missing column"),
        pytest.param(chat_table([]).append_column("extra", pa.array([], pa.int64())), id="extra column"),
        pytest.param(
            chat_table([{"record_id": "a"}]).set_column(5, "messages", pa.array(["text"])), id="messages are text"
        ),
        pytest.param(
            chat_table([{"record_id": "a"}]).set_column(4, "created_at", pa.array(["soon"])), id="time is text"
        ),
    ],
)
def test_another_schema_is_refused_without_quoting_values(table: pa.Table) -> None:
    with pytest.raises(DatasetError) as caught:
        conform(table)
    assert caught.value.code == "DATASET-001"
    assert "soon" not in str(caught.value)
