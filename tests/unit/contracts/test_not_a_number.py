"""What NaN is to each rule, counted by hand; the same in memory, in batches and in Parquet files, and the same as
Great Expectations over the whole frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.contracts.check import check
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.sources import Source, parquet_table

SCHEMA = """\
- name: records
  quality:
  - {id: pairs, metric: duplicateValues, arguments: {properties: [value, group]}, mustBe: 0}
  - {id: isnan, type: sql, query: SELECT count(*) FROM records WHERE isnan(value), mustBe: 0,
    customProperties: [{property: mlops.offendingRecords, value: SELECT record_id FROM records WHERE isnan(value)}]}
  - {id: above, type: sql, query: SELECT count(*) FROM records WHERE value > 0.5, mustBe: 0}
  - {id: other, type: sql, query: SELECT count(*) FROM records WHERE value <> 0.1, mustBe: 0}
  - {id: share, type: sql, query: SELECT 100.0 * count(*) FILTER (isnan(value)) / count(*) FROM records, mustBe: 0}
  properties:
  - {name: record_id, logicalType: string}
  - {name: group, logicalType: string}
  - name: value
    logicalType: number
    required: true
    unique: true
    logicalTypeOptions: {minimum: 0, maximum: 1}
    quality:
    - {id: nulls, metric: nullValues, unit: percent, mustBeLessThan: 10}
    - {id: missing, metric: missingValues, arguments: {missingValues: [0.2]}, mustBe: 0}
    - {id: invalid, metric: invalidValues, arguments: {validValues: [0.1, 0.2]}, mustBe: 0}
    - {id: duplicates, metric: duplicateValues, mustBe: 0}
    - id: mostly
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_values_to_be_between, kwargs: {max_value: 0.15, mostly: 0.9}}
    - id: kinds
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_unique_value_count_to_be_between, kwargs: {min_value: 9}}
"""
NAN = math.nan
CASES: dict[str, tuple[list[float | None], dict[str, float]]] = {
    "some": (
        [NAN, NAN, None, 0.1, 0.1, 0.2, None, 0.2],
        {
            "pairs": 4,
            "isnan": 2,
            "above": 2,
            "other": 4,
            "share": 25,
            "value.required": 4,
            "value.unique": 4,
            "value.range": 0,
            "value.finite": 2,
            "value.nulls": 50,
            "value.missing": 6,
            "value.invalid": 0,
            "value.duplicates": 4,
            "value.mostly": 2,
            "value.kinds": 2,
        },
    ),
    "beside one value": (
        [1.0, NAN, 1.0, -NAN],
        {
            "pairs": 2,
            "isnan": 2,
            "above": 4,
            "other": 4,
            "share": 50,
            "value.required": 2,
            "value.unique": 2,
            "value.range": 0,
            "value.finite": 2,
            "value.nulls": 50,
            "value.missing": 2,
            "value.invalid": 2,
            "value.duplicates": 2,
            "value.mostly": 2,
            "value.kinds": 1,
        },
    ),
    "alone": (
        [NAN, NAN, NAN],
        {
            "pairs": 2,
            "isnan": 3,
            "above": 3,
            "other": 3,
            "share": 100,
            "value.required": 3,
            "value.unique": 0,
            "value.range": 0,
            "value.finite": 3,
            "value.nulls": 100,
            "value.missing": 3,
            "value.invalid": 0,
            "value.duplicates": 0,
            "value.mostly": 0,
            "value.kinds": 0,
        },
    ),
    "beside infinity": (
        [math.inf, NAN, -math.inf, 0.1],
        {
            "pairs": 0,
            "isnan": 1,
            "above": 2,
            "other": 3,
            "share": 25,
            "value.required": 1,
            "value.unique": 0,
            "value.range": 2,
            "value.finite": 3,
            "value.nulls": 25,
            "value.missing": 1,
            "value.invalid": 2,
            "value.duplicates": 0,
            "value.mostly": 1,
            "value.kinds": 3,
        },
    ),
}
GROUPS = ["a", "b", "a", "c", "c", "c", "c", "d"]


def rows(values: list[float | None], kind: pa.DataType) -> pa.Table:
    absent = np.array([value is None for value in values])
    cells = np.array([0.0 if value is None else value for value in values])
    ids = [f"{number:016x}" for number in range(len(values))]
    value = pa.array(cells, mask=absent).cast(kind)
    return pa.table({"record_id": ids, "group": GROUPS[-len(values) :], "value": value})


def lies(table: pa.Table, place: str, folder: Path) -> tuple[Source, int]:
    """The rows as they are given to a check, and how many of them it looks at together."""
    if place == "memory":
        return table, 1_000
    if place == "batches":
        return table, 2
    folder.mkdir()
    length = 3 if place == "files" else table.num_rows
    paths = []
    for start in range(0, table.num_rows, length):
        paths.append(folder / f"{start}.parquet")
        part = table.slice(start, length)
        if place == "duckdb":
            import duckdb

            duckdb.from_arrow(part).write_parquet(str(paths[-1]))
        else:
            pq.write_table(part, paths[-1], row_group_size=2, write_statistics=place != "bare")
    return parquet_table(paths), 1_000


@pytest.fixture
def contract(write_contract: Callable[..., Path]) -> Contract:
    return load_contract(write_contract(SCHEMA))


@pytest.mark.parametrize("place", ["memory", "batches", "file", "files", "bare", "duckdb"])
@pytest.mark.parametrize("case", CASES)
def test_a_rule_counts_the_same_wherever_rows_lie(case: str, place: str, contract: Contract, tmp_path: Path) -> None:
    """Footers of Parquet files leave NaN out of the largest value; ``bare`` files have none in them."""
    values, expected = CASES[case]
    source, batch = lies(rows(values, pa.float64()), place, tmp_path / "data")
    report = check(contract, {"records": source}, batch_rows=batch)
    found = {rule.id.removeprefix("records."): rule for rule in report.rules}
    assert {name: found[name].observed for name in expected} == expected
    wrong = {key for key, rules in report.offending.items() if "records.isnan" in rules}
    assert wrong == {f"{place:016x}" for place, value in enumerate(values) if value is not None and value != value}


@pytest.mark.parametrize("place", ["memory", "file"])
def test_single_and_half_precision_count_alike(place: str, write_contract: Callable[..., Path], tmp_path: Path) -> None:
    schema = """\
    - name: records
      quality: [{id: isnan, type: sql, query: SELECT count(*) FROM records WHERE isnan(value), mustBe: 0}]
      properties:
      - {name: record_id, logicalType: string}
      - {name: group, logicalType: string}
      - {name: value, logicalType: number, unique: true, required: true}
    """
    contract = load_contract(write_contract(schema))
    for kind in (pa.float16(), pa.float32()):
        source, _ = lies(rows([1.0, NAN, NAN, 1.0, None], kind), place, tmp_path / str(kind))
        found = {rule.id.removeprefix("records."): rule.observed for rule in check(contract, {"records": source}).rules}
        assert (found["isnan"], found["value.unique"], found["value.required"], found["value.finite"]) == (2, 2, 3, 2)


@pytest.mark.parametrize("case", CASES)
def test_counts_are_those_of_great_expectations_over_the_whole_frame(case: str, contract: Contract) -> None:
    """It reads pandas, to which NaN is null."""
    import great_expectations
    from great_expectations.expectations.registry import get_expectation_impl

    from mlops.contracts.compile import compile_contract

    values, expected = CASES[case]
    counted: dict[str, float] = {}
    context = great_expectations.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("a").add_dataframe_asset("a")
    frame = rows(values, pa.float64()).to_pandas()
    batch = asset.add_batch_definition_whole_dataframe("a").get_batch(batch_parameters={"dataframe": frame})
    for rule in compile_contract(contract).rules:
        name = rule.id.removeprefix("records.")
        for each in rule.expectations if name in expected else ():
            found = batch.validate(get_expectation_impl(each.type)(**each.kwargs)).result
            number = found.get("unexpected_count", found.get("observed_value"))
            share = 100 / len(values) if rule.unit == "percent" else 1
            counted[name] = counted.get(name, 0) + number * share
    assert len(counted) == 10
    assert counted == {name: expected[name] for name in counted}
