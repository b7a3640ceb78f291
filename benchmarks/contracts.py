"""What a contract check costs, in time and memory, against plain Great Expectations and one DuckDB aggregate.

    .venv/bin/python benchmarks/contracts.py            # 200 000 rows x 8 columns, 19 rules on rows
    .venv/bin/python benchmarks/contracts.py --large    # and 5 million rows, about 4 GB of text, in a temporary folder

Each contender is a process of its own, so that its peak memory is its own. All start from the same Parquet files. The
first call of a process imports libraries; what counts is the best of the calls after it, the machine may be busy.
Counts of offending rows are compared: a contender that finds something else fails the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
SMALL, SHARD, SHARDS = 200_000, 200_000, 25
CALLS = 3
AIM_TIME, AIM_GIB = 1.2, 3.0
LANGUAGES, SOURCES = ["de", "en", "fr"], ["forum", "support", "synthetic", "wiki"]
ID_PATTERN = "^[0-9a-f]{16}$"

CONTRACT = f"""\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:benchmark:pairs
name: pairs
version: 1.0.0
status: active
schema:
- name: records
  quality:
  - {{id: pairs, metric: duplicateValues, arguments: {{properties: [instruction, response]}}, mustBe: 0}}
  properties:
  - {{name: record_id, logicalType: string, required: true, unique: true,
     logicalTypeOptions: {{pattern: '{ID_PATTERN}'}}}}
  - {{name: instruction, logicalType: string, required: true, logicalTypeOptions: {{minLength: 1, maxLength: 2000}}}}
  - {{name: response, logicalType: string, required: true, logicalTypeOptions: {{minLength: 1, maxLength: 2000}}}}
  - {{name: language, logicalType: string, required: true, enum: [{", ".join(f"{{value: {x}}}" for x in LANGUAGES)}]}}
  - {{name: source, logicalType: string, required: true, enum: [{", ".join(f"{{value: {x}}}" for x in SOURCES)}]}}
  - {{name: score, logicalType: number, required: true, logicalTypeOptions: {{minimum: 0, maximum: 1}}}}
  - {{name: turns, logicalType: integer, required: true, logicalTypeOptions: {{minimum: 1, maximum: 30}}}}
  - {{name: created_at, logicalType: timestamp, required: true}}
customProperties:
- {{property: mlops.legalBasis, value: gdpr-6-1-f}}
- {{property: mlops.permittedPurposes, value: [fine-tuning]}}
- {{property: mlops.residency, value: [EU]}}
"""


def rows(count: int, first: int) -> pa.Table:
    """``count`` rows from number ``first`` on, the same in every process; about one in a thousand breaks a rule."""
    random = np.random.default_rng(first)
    words = np.array(
        ["able", "acid", "also", "area", "army", "away", "baby", "back", "ball", "band", "bank", "base", "bath"]
    )
    bodies = pa.array([" ".join(random.choice(words, 75)) for _ in range(2_000)])
    numbers = pa.array(range(first, first + count), pa.int64()).cast(pa.string())

    def text() -> pa.Array:
        chosen = bodies.take(pa.array(random.integers(0, len(bodies), count)))
        return pc.binary_join_element_wise(chosen, numbers, " ")

    def some(values: pa.Array, other: Any) -> pa.Array:
        return pc.if_else(pa.array(random.random(count) < 0.001), pa.scalar(other, values.type), values)

    instruction, response = text(), text()
    repeated = pa.array(random.random(count) < 0.001)
    instruction = pc.if_else(repeated, pa.scalar("again"), instruction)
    response = pc.if_else(repeated, pa.scalar("and again"), response)
    moments = pa.array(random.integers(1_600_000_000, 1_700_000_000, count) * 1_000_000)
    return pa.table(
        {
            "record_id": pc.utf8_lpad(numbers, 16, "0"),
            "instruction": some(instruction, None),
            "response": some(response, ""),
            "language": some(pa.array(np.array(LANGUAGES)[random.integers(0, 3, count)]), "xx"),
            "source": pa.array(np.array(SOURCES)[random.integers(0, 4, count)]),
            "score": some(pa.array(random.random(count)), 1.5),
            "turns": some(pa.array(random.integers(1, 31, count)), 31),
            "created_at": moments.cast(pa.timestamp("us", "UTC")),
        }
    )


def write(folder: Path, shards: int) -> int:
    """Write shards of rows; the bytes of their text and numbers in memory."""
    size = 0
    for number in range(shards):
        table = rows(SHARD, number * SHARD)
        size += table.nbytes
        pq.write_table(table, folder / f"part-{number:05d}.parquet", row_group_size=50_000, compression="zstd")
    return size


def ours(folder: Path) -> dict[str, float]:
    """The contract check: offending rows by rule, with their record ids beside."""
    from mlops.contracts.check import check
    from mlops.contracts.contract import load_contract
    from mlops.contracts.sources import parquet_table

    contract = folder / "pairs.odcs.yaml"
    contract.write_text(CONTRACT)
    table = parquet_table(sorted(folder.glob("*.parquet")))
    report = check(load_contract(contract), {"records": table})
    assert not report.errors, report.errors
    return {rule.id: float(rule.observed) for rule in report.rules if rule.denominator is not None}


def plain() -> Callable[[Path], dict[str, float]]:
    """Great Expectations as its documentation has it: the whole frame, one suite, counts only."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations import expectations as expect
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    definition = context.data_sources.add_pandas("pairs").add_dataframe_asset("pairs")
    definition = definition.add_batch_definition_whole_dataframe("pairs")
    suite = gx.ExpectationSuite(name="pairs", expectations=_suite(expect))
    form = {"result_format": "BASIC", "partial_unexpected_count": 0}

    def call(folder: Path) -> dict[str, float]:
        frame = pq.read_table(folder).to_pandas()
        result = definition.get_batch(batch_parameters={"dataframe": frame}).validate(suite, result_format=form)
        counted = {}
        for each in result.results:
            if "unexpected_count" in each.result:
                counted[str(each.expectation_config.meta["rule"])] = float(each.result["unexpected_count"])
        return counted

    return call


def _suite(expect: Any) -> list[Any]:
    columns = ["record_id", "instruction", "response", "language", "source", "score", "turns", "created_at"]

    def meta(rule: str) -> dict[str, str]:
        return {"rule": f"records.{rule}"}

    lengths = {"min_value": 1, "max_value": 2_000}
    return [
        expect.ExpectTableColumnsToMatchSet(column_set=columns, exact_match=True),
        expect.ExpectTableRowCountToBeBetween(min_value=1),
        *(expect.ExpectColumnValuesToNotBeNull(column=name, meta=meta(f"{name}.required")) for name in columns),
        expect.ExpectColumnValuesToBeUnique(column="record_id", meta=meta("record_id.unique")),
        expect.ExpectColumnValuesToMatchRegex(column="record_id", regex=ID_PATTERN, meta=meta("record_id.pattern")),
        expect.ExpectColumnValueLengthsToBeBetween(column="instruction", **lengths, meta=meta("instruction.length")),
        expect.ExpectColumnValueLengthsToBeBetween(column="response", **lengths, meta=meta("response.length")),
        expect.ExpectColumnValuesToBeInSet(column="language", value_set=LANGUAGES, meta=meta("language.enum")),
        expect.ExpectColumnValuesToBeInSet(column="source", value_set=SOURCES, meta=meta("source.enum")),
        expect.ExpectColumnValuesToBeBetween(column="score", min_value=0, max_value=1, meta=meta("score.range")),
        expect.ExpectColumnValuesToBeBetween(column="turns", min_value=1, max_value=30, meta=meta("turns.range")),
        expect.ExpectCompoundColumnsToBeUnique(column_list=["instruction", "response"], meta=meta("pairs")),
    ]


def aggregate(folder: Path) -> dict[str, float]:
    """One DuckDB query for the rules that one pass can count: no ids, no duplicates."""
    import duckdb

    counted = {
        "records.instruction.required": "count(*) - count(instruction)",
        "records.record_id.pattern": f"count(*) FILTER (NOT regexp_matches(record_id, '{ID_PATTERN}'))",
        "records.instruction.length": "count(*) FILTER (length(instruction) NOT BETWEEN 1 AND 2000)",
        "records.response.length": "count(*) FILTER (length(response) NOT BETWEEN 1 AND 2000)",
        "records.language.enum": "count(*) FILTER (language NOT IN ('de', 'en', 'fr'))",
        "records.source.enum": "count(*) FILTER (source NOT IN ('forum', 'support', 'synthetic', 'wiki'))",
        "records.score.range": "count(*) FILTER (score NOT BETWEEN 0 AND 1)",
        "records.turns.range": "count(*) FILTER (turns NOT BETWEEN 1 AND 30)",
    }
    query = f"SELECT {', '.join(counted.values())} FROM read_parquet('{folder}/*.parquet')"
    found = duckdb.connect().execute(query).fetchall()[0]
    return dict(zip(counted, map(float, found), strict=True))


def one_pass(contender: str, folder: Path, calls: int) -> dict[str, Any]:
    """Call a contender several times in this process."""
    call = {"ours": lambda: ours, "plain": plain, "duckdb": lambda: aggregate}[contender]()
    seconds = []
    counted: dict[str, float] = {}
    for _ in range(calls):
        began = time.perf_counter()
        counted = call(folder)
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"first": seconds[0], "warm": min(seconds[1:] or seconds), "peak": peak, "counted": counted}


def in_a_process(contender: str, folder: Path, calls: int = CALLS + 1) -> dict[str, Any]:
    """The same in a process of its own; peak memory in GiB."""
    command = [sys.executable, __file__, "--pass", contender, str(folder), str(calls)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _show(name: str, found: dict[str, Any], peer: dict[str, Any]) -> None:
    print(
        f"{name:34}{found['first']:>9.2f}{found['warm']:>9.2f}{found['warm'] / peer['warm']:>8.2f}"
        f"{found['peak']:>9.2f}{found['peak'] / peer['peak']:>8.2f}"
    )


def _compare(found: dict[str, Any], peer: dict[str, Any]) -> None:
    shared = found["counted"].keys() & peer["counted"].keys()
    different = [rule for rule in sorted(shared) if found["counted"][rule] != peer["counted"][rule]]
    if different or not shared:
        raise SystemExit(f"the contenders disagree about {', '.join(different) or 'everything'}")


def small() -> None:
    """200 000 rows: the check, plain Great Expectations, one aggregate."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        size = write(folder, SMALL // SHARD)
        found = {name: in_a_process(name, folder) for name in ("plain", "ours", "duckdb")}
    print(f"{SMALL} rows, {size / 2**20:.0f} MiB; seconds, the best of {CALLS} warm calls; peak memory in GiB\n")
    print(f"{'':34}{'first':>9}{'warm':>9}{'ratio':>8}{'peak':>9}{'ratio':>8}")
    peer = found["plain"]
    _show("plain Great Expectations, counts", peer, peer)
    _show("contract check, counts and ids", found["ours"], peer)
    _show("one DuckDB aggregate, 8 counts", found["duckdb"], peer)
    _compare(found["ours"], peer)
    _compare(found["duckdb"], peer)
    time_ratio, peak_ratio = (found["ours"][key] / peer[key] for key in ("warm", "peak"))
    said = "kept" if time_ratio <= AIM_TIME and peak_ratio <= 1 else "missed"
    print(f"\naim: at most {AIM_TIME:g} of its time and no more memory: {said} ({time_ratio:.2f}, {peak_ratio:.2f})")


def large() -> None:
    """5 million rows: the check within its memory, and one aggregate."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        size = write(folder, SHARDS)
        found = {name: in_a_process(name, folder, 1) for name in ("ours", "duckdb")}
    print(f"\n{SHARD * SHARDS} rows, {size / 2**30:.1f} GiB; one call with its imports; peak memory in GiB\n")
    for name, key in (("contract check, counts and ids", "ours"), ("one DuckDB aggregate, 8 counts", "duckdb")):
        print(f"{name:34}{found[key]['first']:>9.1f} s{found[key]['peak']:>9.2f} GiB")
    _compare(found["ours"], found["duckdb"])
    peak = found["ours"]["peak"]
    print(f"\naim: at most {AIM_GIB:g} GiB: {'kept' if peak <= AIM_GIB else 'missed'} ({peak:.2f})")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="also 5 million rows; takes minutes and 3 GB of disk")
    chosen = parser.parse_args()
    small()
    if chosen.large:
        large()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pass"]:
        print("\n" + json.dumps(one_pass(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
