"""The day on which a data set has to be gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.retention import Retention, _later, keep_until, months_or_days
from tests.unit.contracts.conftest import POLICY

SCHEMA = """\
- name: records
  properties:
  - {name: made, physicalName: made_at, logicalType: timestamp}
"""


@pytest.fixture
def keeping(write_contract: Callable[..., Path]) -> Callable[..., Contract]:
    def build(value: object, unit: str, element: str = "records.made") -> Contract:
        clause = (
            f"slaProperties:\n- {{id: keep, property: retention, value: {value}, unit: {unit}, element: {element}}}\n"
        )
        return load_contract(write_contract(SCHEMA, policy=POLICY + clause))

    return build


def _table(*moments: datetime | None) -> dict[str, pa.Table]:
    return {"records": pa.table({"made_at": pa.array(list(moments), pa.timestamp("us", tz="UTC"))})}


@pytest.mark.parametrize(
    ("value", "unit", "until"),
    [
        (30, "d", "2024-03-01"),
        (2, "w", "2024-02-14"),
        (1, "m", "2024-02-29"),
        (13, "m", "2025-02-28"),
        (2, "y", "2026-01-31"),
    ],
    ids=["days", "weeks", "a month that is shorter", "months", "years"],
)
def test_the_period_runs_from_the_oldest_row(
    value: int, unit: str, until: str, keeping: Callable[..., Contract]
) -> None:
    table = _table(datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 1, 31, 23, tzinfo=UTC), None)
    assert keep_until(keeping(value, unit), table) == {"keep": {"until": until, "undated": 1}}


def test_no_dated_row_gives_no_day(keeping: Callable[..., Contract]) -> None:
    assert keep_until(keeping(1, "y"), _table(None, None)) == {"keep": {"until": None, "undated": 2}}
    assert keep_until(keeping(1, "y"), _table()) == {"keep": {"until": None, "undated": 0}}


def test_a_clause_that_names_no_column_is_left_to_people(keeping: Callable[..., Contract]) -> None:
    assert keep_until(keeping(1, "y", "records.other"), _table(datetime(2024, 1, 1, tzinfo=UTC))) == {}
    assert keep_until(keeping(1, "y"), {}) == {}


@pytest.mark.parametrize(
    ("value", "unit"), [(0, "d"), (-1, "d"), (1.5, "d"), (True, "d"), ("2", "d"), (1, "fortnight"), (1, None)], ids=repr
)
def test_what_is_no_period_is_none(value: Any, unit: Any) -> None:
    assert months_or_days(value, unit) is None


@given(st.dates(), st.integers(1, 10**7), st.sampled_from(["days", "months"]))
def test_a_period_never_ends_before_it_begins(day: date, value: int, unit: str) -> None:
    clause = Retention("keep", value, unit, "records", "made_at", "")
    assert _later(day, clause) >= min(day, date.max)
