"""What the source holds of people leaves the two raw stages in no file, list, metric, log, report or message."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import SOURCE, Project, places
from tests.end_to_end.tracer import (
    CARD,
    EMAIL,
    TOKEN,
    contract_breaking_rows,
    is_restricted,
    leaks,
    parquet_values,
    readable_rows,
    traces,
    unreadable_lines,
)
from tests.small_project import environment

ALL = {"e-mail", "card", "token"}


def leaked(project: Project) -> dict[str, set[str]]:
    """What a run left below the project's folder, without the source and the raw stages' rows."""
    found = leaks(project.root, project.store)
    assert found.pop(SOURCE.as_posix()) == ALL, "the source itself holds the values, so the search reads files"
    return found


# -- the search works -------------------------------------------------------------------------------------------------


def test_the_values_are_found_in_what_ingest_and_validate_keep(finished: Project) -> None:
    kept = {
        f"{stage}/{path.parent.name}": traces(parquet_values(path))
        for stage in ("ingest", "validate")
        for path in finished.artifact(stage).rglob("*.parquet")
    }
    assert kept == {name: ALL for name in ("ingest/data", "ingest/rejected", "validate/data", "validate/quarantine")}
    for stage in ("ingest", "validate"):
        for path in finished.artifact(stage).rglob("*.parquet"):
            assert is_restricted(path, finished.store)


def test_each_planted_line_ends_where_it_should(finished: Project) -> None:
    figures = {item["stage"]: item for item in finished.first["stages"]}
    assert figures["ingest"]["figures"]["rejected"] >= len(unreadable_lines())
    quarantined = finished.artifact("validate") / "quarantine" / "quarantine.parquet"
    ids = {row["conversation_id"] for row in pq.read_table(quarantined).to_pylist()}
    assert {row["conversation"] for row in contract_breaking_rows()} <= ids
    assert not ids & {row["conversation"] for row in readable_rows()}


@pytest.mark.parametrize(
    "hide",
    [
        str.encode,
        lambda text: text.upper().encode(),
        lambda text: text.encode("utf-16"),
        lambda text: base64.b64encode(b"{" + text.encode() + b"}"),
        lambda text: text.encode().hex().encode(),
        lambda text: json.dumps({"key": {text: 1}}).encode(),
    ],
    ids=["plain", "capitals", "utf-16", "base64", "hex", "json-key"],
)
def test_the_search_sees_through(hide: Callable[[str], bytes]) -> None:
    assert traces(hide(EMAIL)) == {"e-mail"}
    assert traces(hide(CARD)) == {"card"}
    assert traces(hide(TOKEN)) == {"token"}


def test_the_search_reads_inside_of_files(tmp_path: Path) -> None:
    text = f"{EMAIL} {CARD} {TOKEN} " * 50
    table = pa.table({"a": [[{"b": text}]], EMAIL: [1]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    (tmp_path / "b.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / f"{EMAIL}.txt").write_text("by its name")
    found = leaks(tmp_path, tmp_path / "store")
    assert found == {"a.parquet": ALL, "b.gz": ALL, f"{EMAIL}.txt": {"e-mail"}}


# -- and finds nothing ------------------------------------------------------------------------------------------------


def test_no_file_of_a_run_holds_a_planted_value(finished: Project) -> None:
    kinds = {path.suffix for path in finished.workspace.rglob("*") if path.is_file()}
    assert {".db", ".html", ".json", ".jsonl", ".parquet", ".safetensors", ".txt", ".wandb", ".md"} <= kinds
    assert leaked(finished) == {}


def test_masked_rows_keep_their_text_around_the_placeholders(finished: Project) -> None:
    masked = parquet_values(next((finished.artifact("mask") / "data").glob("*.parquet"))).decode()
    assert "hello, my mail is <EMAIL_ADDRESS_1> and I wait for a refund" in masked
    assert "I paid with card <CREDIT_CARD_1> last week" in masked
    assert "the app shows <SECRET_1> when I log in" in masked


def test_nothing_that_a_run_prints_holds_a_planted_value(finished: Project) -> None:
    assert len(finished.said) > 1000
    assert traces(finished.said) == set()


@pytest.mark.parametrize(
    "command",
    [
        "telemetry metrics",
        "runs list --json",
        "runs show RUN",
        "runs show RUN --json",
        "registry show RELEASE --json",
        "verify RELEASE --json",
    ],
)
def test_no_command_tells_a_planted_value(finished: Project, command: str) -> None:
    words = command.replace("RUN", finished.first["run"]).replace("RELEASE", finished.release).split()
    done = finished.call(*words)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 50
    assert traces(done.stdout + done.stderr) == set()


# -- runs that fail ---------------------------------------------------------------------------------------------------


def _truncated_gzip(project: Project) -> None:
    source = project.root / SOURCE
    packed = gzip.compress(source.read_bytes() + b"\n".join(unreadable_lines()))
    (project.root / "data" / "desk.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    project.edit("path: data/*.jsonl", "path: data/*.gz")


def _parquet_with_other_columns(project: Project) -> None:
    pq.write_table(pa.table({EMAIL: [CARD], TOKEN: [EMAIL]}), project.root / "data" / "desk.parquet")
    project.edit("kind: jsonl", "kind: parquet")
    project.edit("path: data/*.jsonl", "path: data/*.parquet")


def _csv_with_other_columns(project: Project) -> None:
    (project.root / "data" / "desk.csv").write_text(f"{EMAIL},{TOKEN}\n{CARD},{EMAIL}\n")
    project.edit("kind: jsonl", "kind: csv\n  layout: columns")
    project.edit("path: data/*.jsonl", "path: data/*.csv")


def _nothing_readable(project: Project) -> None:
    (project.root / SOURCE).write_bytes(b"\n".join(unreadable_lines()) + b"\n")


def _nothing_left(project: Project) -> None:
    lines = [json.dumps(row) for row in contract_breaking_rows()]
    (project.root / SOURCE).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_truncated_gzip, "DATASET-005"),
        (_parquet_with_other_columns, "DATASET-007"),
        (_csv_with_other_columns, "DATASET-007"),
        (_nothing_readable, "no row could be read"),
        (_nothing_left, "table rule(s) failed"),
    ],
    ids=["truncated", "parquet columns", "csv columns", "nothing readable", "nothing left"],
)
def test_no_failed_run_tells_a_planted_value(damaged: Project, spoil: Callable[[Project], None], code: str) -> None:
    spoil(damaged)
    done = damaged.call("run", "small")
    assert done.returncode in (10, 20)
    assert code in done.stdout
    assert traces(done.stdout + done.stderr) == set()
    found = leaks(damaged.workspace, damaged.store) | leaks(damaged.root / "tmp", damaged.store)
    assert found == {}


CRASH = """
from pathlib import Path
import mlops.datasets.shards
from mlops.cli import main

def crash(*_):
    raise ValueError(Path({source!r}).read_text(errors="replace"))

mlops.datasets.shards.read_shards = crash
main()
"""


@pytest.mark.parametrize("stage", ["mask", pytest.param("curate", marks=pytest.mark.full)])
def test_a_stage_that_crashes_on_a_value_does_not_tell_it(damaged: Project, stage: str) -> None:
    """A foreign exception that quotes the data: its type and its places are told, its text is not."""
    change = {"mask": ("profile: gdpr", "profile: pci"), "curate": ("{duplicates: exact", "{duplicates: off")}[stage]
    damaged.edit(*change)  # else the stage would be taken from the store
    run = f"crash-{stage}"
    for upstream in ("ingest", "validate", "mask", "curate"):
        if upstream == stage:
            break
        assert damaged.call("stage", upstream, "--use-case", "small", "--run", run).returncode == 0
    script = CRASH.format(source=str(damaged.root / SOURCE))
    arguments = ["stage", stage, "--use-case", "small", "--run", run]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment(damaged.root, places(damaged.root)),
        cwd=damaged.root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "STAGE-011 ended unexpectedly with ValueError" in done.stderr
    assert traces(done.stdout + done.stderr) == set()
    assert leaks(damaged.workspace, damaged.store) == {}


def test_what_is_told_of_failed_runs_holds_no_planted_value(shared: Project) -> None:
    """Of the folder in which the tests above failed."""
    for words in ("runs list", "telemetry metrics"):
        done = shared.call(*words.split())
        assert traces(done.stdout + done.stderr) == set()
