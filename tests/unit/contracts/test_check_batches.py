"""The same verdicts and counts from a table in memory, from Parquet files and from small batches, and those of plain
Great Expectations over the whole frame."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mlops.artifacts import canonical_json
from mlops.contracts import expectations
from mlops.contracts.check import check
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.errors import ContractError
from mlops.contracts.sources import parquet_table

# Every way a rule can run: rules on rows by Arrow and by Great Expectations, with and without a tolerance, of one, two
# and several columns; statistics of whole columns; duplicates; SQL; a rule that its engine refuses.
SCHEMA = """\
- name: records
  quality:
  - {id: pairs, metric: duplicateValues, arguments: {properties: [text, number]}, mustBe: 0}
  - {id: enough, metric: rowCount, mustBeGreaterThan: 10}
  - {id: longest, type: sql, query: SELECT max(length(text)) FROM records, mustBeLessThan: 100}
  - id: negative
    type: sql
    query: SELECT count(*) FROM records WHERE number < 0
    mustBe: 0
    customProperties: [{property: mlops.offendingRecords, value: SELECT record_id FROM records WHERE number < 0}]
  - id: ordered
    type: custom
    engine: greatExpectations
    implementation: {type: expect_column_pair_values_a_to_be_greater_than_b,
      kwargs: {column_A: share, column_B: number, or_equal: true, mostly: 0.01, ignore_row_if: either_value_is_missing}}
  properties:
  - name: record_id
    logicalType: string
    required: true
    unique: true
    logicalTypeOptions: {pattern: '^[0-9a-f]{16}$'}
  - name: text
    logicalType: string
    required: true
    unique: true
    logicalTypeOptions: {minLength: 1, maxLength: 5, pattern: '^[a-z ]*$'}
    quality:
    - {id: known, metric: missingValues, arguments: {missingValues: [null, none]}, mustBe: 0}
    - {id: few, metric: nullValues, unit: percent, mustBeLessThan: 3}
    - id: most
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_value_lengths_to_be_between, kwargs: {min_value: 2, mostly: 0.9}}
    - id: kinds
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_unique_value_count_to_be_between, kwargs: {min_value: 5}}
    - id: refused
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_values_to_be_between, kwargs: {min_value: 1}}
    - id: mean
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_mean_to_be_between, kwargs: {min_value: 1}}
  - name: number
    logicalType: integer
    required: true
    logicalTypeOptions: {minimum: 0, maximum: 90}
    quality:
    - id: sum
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_sum_to_be_between, kwargs: {min_value: 1}}
  - name: share
    logicalType: number
    logicalTypeOptions: {exclusiveMinimum: 0, maximum: 1}
  - name: moment
    logicalType: timestamp
    required: true
    unique: true
  - name: yes_or_no
    logicalType: boolean
    required: true
  - name: tag
    logicalType: string
    enum: [{value: a}, {value: b}]
"""


def rows(count: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)

    def some(values: Any, other: Any, share: float = 0.02) -> pa.Array:
        found = pa.array(values)
        return pc.if_else(pa.array(random.random(count) < share), pa.scalar(other, found.type), found)

    ids = pa.array([f"{number:016x}" for number in range(count)])
    words = ["".join(random.choice(list("abcxyz "), size)) for size in random.integers(1, 7, count)]
    moments = pa.array(random.permutation(count) * 1_000_000, pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "record_id": some(some(ids, ids[0].as_py(), 0.004), "not hex", 0.004),
            "text": some(some(some(words, None), "none"), "É"),
            "number": some(some(random.integers(0, 90, count), None), -1),
            "share": some(some(some(random.random(count), None), float("nan")), 1.5),
            "moment": some(some(moments, None), moments[0].as_py()),
            "yes_or_no": some(random.random(count) < 0.5, None),
            "tag": pc.if_else(pa.array(random.random(count) < 0.1), "c", some(["a", "b"] * (count // 2), None)),
        }
    )


@pytest.fixture
def contract(write_contract: Callable[..., Path]) -> Contract:
    return load_contract(write_contract(SCHEMA))


def in_shards(table: pa.Table, folder: Path, length: int) -> list[Path]:
    folder.mkdir()
    paths = []
    for number, start in enumerate(range(0, table.num_rows, length)):
        paths.append(folder / f"part-{number}.parquet")
        pq.write_table(table.slice(start, length), paths[-1], row_group_size=max(1, length // 3))
    return paths


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """The answer for 1 500 rows in memory, read at once; made by the first test that asks."""
    return {}


@pytest.mark.parametrize("place", ["memory", "chunks", "dictionary", "files"])
def test_no_verdict_depends_on_where_rows_lie_or_how_many_are_read_at_once(
    place: str, contract: Contract, plain: dict[str, Any], tmp_path: Path
) -> None:
    table = rows(1_500)
    if not plain:
        plain["report"] = check(contract, {"records": table})
        outcomes = [rule.outcome for rule in plain["report"].rules]
        assert set(outcomes) == {"pass", "fail", "error"}
        assert outcomes.count("error") == 2
    source: Any = table
    if place == "chunks":
        source = pa.concat_tables([table.slice(0, 200), table.slice(200, 1), table.slice(201)])
    elif place == "dictionary":
        source = table.set_column(6, "tag", table["tag"].dictionary_encode())
    elif place == "files":
        source = parquet_table(in_shards(table, tmp_path / "shards", 700))
    report = check(contract, {"records": source}, batch_rows=500)
    assert canonical_json(report.to_json()) == canonical_json(plain["report"].to_json())
    assert report.offending == plain["report"].offending


def whole_frame(contract: Contract, table: pa.Table) -> dict[str, tuple[bool, int]]:
    """Plain Great Expectations over the whole frame, through its own data sources: success and unexpected rows."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    import pandas
    from great_expectations.expectations.registry import get_expectation_impl

    from mlops.contracts.compile import compile_contract

    rules = [rule for rule in compile_contract(contract).rules if rule.engine == "great_expectations"]
    suite = []
    for rule in rules:
        for part, each in enumerate(rule.expectations):
            if "nonsense" not in each.kwargs:
                meta = {"rule": rule.id, "part": part}
                suite.append(get_expectation_impl(each.type)(**each.kwargs, meta=meta))
    for name, pattern in (("record_id", "^[0-9a-f]{16}$"), ("text", "^[a-z ]*$")):
        kind = get_expectation_impl("expect_column_values_to_match_regex")
        suite.append(kind(column=name, regex=pattern, meta={"rule": f"records.{name}.pattern"}))
    context = great_expectations.get_context(mode="ephemeral")
    definition = context.data_sources.add_pandas("a").add_dataframe_asset("a").add_batch_definition_whole_dataframe("a")
    frame = table.to_pandas(types_mapper=lambda kind: pandas.Int64Dtype() if kind == "int64" else None)
    found: dict[str, tuple[bool, int]] = {}
    for result in (
        definition.get_batch(batch_parameters={"dataframe": frame})
        .validate(great_expectations.ExpectationSuite(name="a", expectations=suite), result_format="BASIC")
        .results
    ):
        rule = result.expectation_config.meta["rule"]
        if "unexpected_count" in result.result:
            before = found.get(rule, (True, 0))
            found[rule] = before[0] and result.success, before[1] + result.result["unexpected_count"]
    return found


def assert_equals_the_whole_frame(contract: Contract, table: pa.Table, source: Any, batch: int) -> None:
    expected = whole_frame(contract, table)
    report = check(contract, {"records": source}, batch_rows=batch)
    results = {rule.id: rule for rule in report.rules}
    counted = {}
    for rule, (success, unexpected) in expected.items():
        found = results[rule]
        percent = found.threshold.endswith("percent")
        counted[rule] = unexpected, found.observed if not percent else found.observed * found.total / 100
        if "mostly" not in rule and not percent:
            assert (found.outcome == "pass") is success, rule
    assert {rule: pair[0] for rule, pair in counted.items()} == pytest.approx(
        {rule: pair[1] for rule, pair in counted.items()}
    )
    assert len(counted) >= 15
    assert sum(unexpected > 0 for _, unexpected in expected.values()) >= 12


def test_counts_are_those_of_great_expectations_over_the_whole_frame(contract: Contract) -> None:
    table = rows(3_000, seed=1)
    assert_equals_the_whole_frame(contract, table, table, 500)


@pytest.mark.full
def test_counts_are_those_of_great_expectations_over_200_000_rows(contract: Contract, tmp_path: Path) -> None:
    table = rows(200_000, seed=2)
    source = parquet_table(in_shards(table, tmp_path / "shards", 70_000))
    assert_equals_the_whole_frame(contract, table, source, 30_000)


def test_a_batch_that_fails_as_a_whole_runs_rule_by_rule(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    """Great Expectations is made to stop at every frame that holds ``number``; the rules of other columns go on."""
    table = rows(300)
    before = {rule.id: rule for rule in check(contract, {"records": table}).rules}
    frame = expectations.frame

    def stops(part: pa.Table) -> Any:
        if "number" in part.column_names:
            raise OverflowError("tracer")
        return frame(part)

    monkeypatch.setattr(expectations, "frame", stops)
    report = check(contract, {"records": table}, batch_rows=100)
    changed = {rule.id for rule in report.rules if rule != before[rule.id]}
    assert changed == {"records.ordered", "records.number.required", "records.number.range", "records.number.sum"}
    details = {rule.detail for rule in report.rules if rule.id in changed}
    assert details == {"Great Expectations raised OverflowError"}


def test_a_rule_without_an_answer_in_one_batch_is_an_error_in_all(write_contract: Callable[..., Path]) -> None:
    """Only the last batch holds what the parser cannot be asked about; the sum of the others must not pass for it."""
    schema = """\
    - name: records
      properties:
      - name: record_id
        logicalType: string
        required: true
      - name: value
        logicalType: string
        quality:
        - id: larger
          type: custom
          engine: greatExpectations
          implementation: {type: expect_column_values_to_be_between, kwargs: {min_value: 3}}
    """
    table = pa.table({"record_id": ["a", "b", "c"], "value": [None, None, "x"]})
    report = check(load_contract(write_contract(schema)), {"records": table}, batch_rows=1)
    assert {rule.id: rule.outcome for rule in report.rules if rule.outcome != "pass"} == {
        "records.value.larger": "error"
    }


def test_the_sealed_report_stays_small_and_the_quarantine_complete(contract: Contract) -> None:
    table = rows(4_000).set_column(1, "text", pa.array(["toolong"] * 4_000))
    report = check(contract, {"records": table})
    sealed = report.to_json()
    ids = {value for value in table["record_id"].to_pylist() if value is not None}
    assert set(report.offending) == ids
    assert (len(sealed["offending"]), sealed["offending_records"]) == (1_000, len(ids))
    assert max(len(rule["sample"]) for rule in sealed["rules"]) == 20
    assert "seconds" not in canonical_json(sealed).decode()
    assert set(report.seconds) == {rule.id for rule in report.rules}
    assert sum(report.seconds.values()) > 0


def test_the_sample_is_the_same_in_every_order_of_the_rows(contract: Contract) -> None:
    table = rows(1_000)
    turned = table.take(pa.array(np.random.default_rng(5).permutation(1_000)))
    first, second = (
        {rule.id: rule.sample for rule in check(contract, {"records": each}).rules if rule.id != "records.ordered"}
        for each in (table, turned)
    )
    assert first == second
    assert all(len(set(sample)) == len(sample) <= 20 for sample in first.values())
    assert max(map(len, first.values())) == 20


def test_denominators_are_all_rows_and_for_mostly_the_rows_judged(contract: Contract) -> None:
    table = rows(1_000)
    results = {rule.id: rule for rule in check(contract, {"records": table}).rules}
    assert results["records.text.few"].denominator == 1_000
    assert results["records.text.most"].denominator == 1_000 - table["text"].null_count
    assert results["records.longest"].denominator is None
    assert results["records.text.refused"].denominator is None


def test_progress_counts_rows(contract: Contract) -> None:
    seen: list[tuple[int, int | None, str]] = []
    check(contract, {"records": rows(1_000)}, batch_rows=400, progress=lambda *step: seen.append(step))
    counted = [step for step in seen if step[1]]
    assert [step[0] for step in counted] == [400, 800, 1_000] * 2, "once for all rules, once for those that failed"
    first, again = "rows of records", "records of records that break rules"
    assert [step[2] for step in counted] == [first] * 3 + [again] * 3


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM read_parquet('{other}')",
        "SELECT count(*) FROM '{other}'",
        "SELECT length(content) FROM read_text('{other}')",
        "SELECT count(*) FROM glob('{folder}/*')",
        "SELECT count(*) FROM read_csv('/proc/self/environ')",
    ],
    ids=["parquet", "path", "text", "glob", "system"],
)
def test_a_query_reads_no_file_but_the_data(query: str, write_contract: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    paths = in_shards(pa.table({"record_id": ["a", "b", "c"]}), folder, 2)
    other = folder / "other.parquet"
    pq.write_table(pa.table({"secret": [1]}), other)
    asked = query.format(other=other, folder=folder)
    schema = f"""\
    - name: records
      quality:
      - {{id: own, type: sql, query: SELECT count(*) FROM records, mustBe: 3}}
      - {{id: other, type: sql, query: "{asked}", mustBe: 1}}
      properties: [{{name: record_id, logicalType: string}}]
    """
    with pytest.raises(ContractError, match="CONTRACT-011"):
        check(load_contract(write_contract(schema)), {"records": parquet_table(paths)})


def test_a_query_that_binds_reads_no_file_either(tmp_path: Path) -> None:
    """The compiler refuses such queries; the connection they would run on refuses them too."""
    import duckdb

    from mlops.contracts.duckdb_tables import tables_in_duckdb

    paths = in_shards(pa.table({"record_id": ["a", "b", "c"]}), tmp_path / "data", 2)
    other = tmp_path / "data" / "other.parquet"
    pq.write_table(pa.table({"secret": [1]}), other)
    with tables_in_duckdb({"records": parquet_table(paths)}) as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchall() == [(3,)]
        for query in (
            f"SELECT * FROM '{other}'",
            f"ATTACH '{tmp_path}/new.db'",
            f"COPY records TO '{tmp_path}/copy.parquet'",
            "SET memory_limit = '9GB'",
            "SET allowed_paths = ['/']",
            "LOAD httpfs",
            "SELECT * FROM 'https://127.0.0.1/x.parquet'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_folder_names_are_no_columns_and_a_damaged_file_is_named(contract: Contract, tmp_path: Path) -> None:
    table = rows(500)
    paths = in_shards(table, tmp_path / "tag=z", 250)
    assert check(contract, {"records": parquet_table(paths)}).rules == check(contract, {"records": table}).rules
    source = parquet_table(paths)
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(ContractError, match=r"part-1\.parquet: CONTRACT-041"):
        check(contract, {"records": source})
