"""Drift: silent when nothing changed, loud when it did, and never "ok" about what it did not look at."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from pydantic import ValidationError
from typer.testing import CliRunner

from mlops.monitoring.commands import drift_command
from mlops.monitoring.config import MonitoringSection
from mlops.monitoring.conversations import conversations
from mlops.monitoring.drift import DriftReport, Signal, drift
from mlops.monitoring.errors import MonitoringError

SECTION = MonitoringSection()
SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("conversation_id", pa.string()),
        ("language", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
    ]
)
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def chat(
    seed: int,
    size: int = 400,
    *,
    longer: float = 1.0,
    turns: float = 2.0,
    masked: float = 0.3,
    languages: tuple[tuple[str | None, ...], tuple[float, ...]] = (("en", "de"), (0.8, 0.2)),
    copies: int = 1,
) -> pa.Table:
    """Random conversations; `copies` records of each."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(size):
        messages = [{"role": "system", "content": "You help."}]
        for _ in range(1 + int(random.poisson(turns))):
            words = ["word"] * max(1, round(longer * float(random.lognormal(2.5, 0.5))))
            messages.append(
                {"role": "user", "content": " ".join(words) + " [EMAIL_1]" * int(random.uniform() < masked)}
            )
            messages.append({"role": "assistant", "content": "fine"})
        language = languages[0][int(random.choice(len(languages[0]), p=languages[1]))]
        rows += [
            {
                "record_id": f"{seed:03d}{i:06d}{copy}",
                "conversation_id": f"c{i}",
                "language": language,
                "created_at": START + dt.timedelta(minutes=i),
                "messages": messages,
            }
            for copy in range(copies)
        ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def signal(report: DriftReport, name: str) -> Signal:
    return next(found for found in report.signals if found.name == name)


REFERENCE = chat(1)


def test_two_samples_of_one_distribution_rarely_alarm() -> None:
    """Nominal: at most 1 in 100 by p alone; the floors make it rarer."""
    tables = [chat(100 + i, size=150) for i in range(40)]
    reports = [drift(first, second, SECTION) for first, second in zip(tables[::2], tables[1::2], strict=True)]
    assert sum(report.outcome == "alarm" for report in reports) <= 1
    assert all(report.outcome != "not_evaluated" for report in reports)


def test_the_smallest_of_null_p_values_is_calibrated() -> None:
    tables = [chat(300 + i, size=120) for i in range(60)]
    reports = [drift(first, second, SECTION) for first, second in zip(tables[::2], tables[1::2], strict=True)]
    smallest = [min(found.adjusted_p or 0.0 for found in report.signals) for report in reports]
    assert np.mean(np.array(smallest) <= 0.10) <= 0.27


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "longer_messages": ({"longer": 1.6}, "words_per_message"),
    "more_messages": ({"turns": 4.0}, "message_count"),
    "more_masked_values": ({"masked": 0.7}, "placeholders_per_message"),
    "other_language_mix": ({"languages": (("en", "de"), (0.4, 0.6))}, "language"),
}


@pytest.mark.parametrize(("change", "name"), CHANGES.values(), ids=CHANGES.keys())
def test_a_real_change_alarms_and_names_its_signal(change: dict[str, Any], name: str) -> None:
    found = [drift(REFERENCE, chat(2 + i, **change), SECTION) for i in range(5)]
    assert [report.outcome for report in found] == ["alarm"] * 5
    assert all(signal(report, name).outcome == "alarm" for report in found)


def test_a_significant_change_too_small_to_matter_does_not_alarm() -> None:
    section = MonitoringSection(numeric_floor=0.5)
    found = signal(drift(REFERENCE, chat(3, longer=1.25), section), "words_per_message")
    assert found.adjusted_p is not None
    assert found.adjusted_p < 0.01
    assert found.outcome == "ok"
    assert "too small" in found.reason


def test_a_large_change_in_few_conversations_does_not_alarm() -> None:
    section = MonitoringSection(min_conversations=20)
    found = signal(drift(chat(4, size=22), chat(6, size=22, longer=1.25), section), "words_per_message")
    assert found.effect is not None
    assert found.effect >= section.numeric_floor
    assert found.outcome == "ok"
    assert "not significant" in found.reason


def test_copies_of_a_conversation_are_not_counted_as_evidence() -> None:
    single, copied = (drift(REFERENCE, chat(5, size=60, longer=1.2, copies=n), SECTION) for n in (1, 20))
    assert [found.p_value for found in single.signals] == [found.p_value for found in copied.signals]
    assert copied.current_conversations == 60


@pytest.mark.parametrize("size", [0, 1, 49], ids=["empty", "one", "tiny"])
@pytest.mark.parametrize("swapped", [False, True], ids=["current", "reference"])
def test_too_little_to_look_at_is_not_evaluated_and_never_ok(size: int, swapped: bool) -> None:
    pair = (REFERENCE, chat(7, size=size))
    report = drift(*(pair[::-1] if swapped else pair), SECTION)
    assert report.outcome == "not_evaluated"
    assert {found.outcome for found in report.signals} == {"not_evaluated"}
    assert all(found.adjusted_p is None for found in report.signals)


def test_a_new_category_alarms_at_once() -> None:
    mix: tuple[tuple[str | None, ...], tuple[float, ...]] = (("en", "de", "fr"), (0.72, 0.18, 0.10))
    found = signal(drift(REFERENCE, chat(8, languages=mix), SECTION), "language")
    assert found.outcome == "alarm"
    assert "categories appear" in found.reason
    assert found.details is not None
    assert found.details["new_share"] > 0.05


def test_vanishing_languages_alarm_at_once() -> None:
    mix: tuple[tuple[str | None, ...], tuple[float, ...]] = (("en", "de", None), (0.72, 0.18, 0.10))
    found = signal(drift(REFERENCE, chat(9, languages=mix), SECTION), "language")
    assert found.outcome == "alarm"
    assert "missing" in found.reason


def without_text(table: pa.Table, share: float) -> pa.Table:
    rows = table.to_pylist()
    for row in rows[: int(len(rows) * share)]:
        row["messages"][1]["content"] = None
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_missing_text_alarms_and_is_not_dropped(share: float) -> None:
    found = signal(drift(REFERENCE, without_text(chat(10), share), SECTION), "words_per_message")
    assert found.outcome == "alarm"
    assert "missing" in found.reason
    assert found.missing == (0.0, pytest.approx(share))


def test_one_gigantic_message_neither_alarms_nor_hides_an_alarm() -> None:
    for longer, outcome in ((1.0, "ok"), (1.6, "alarm")):
        rows = chat(11, longer=longer).to_pylist()
        rows[0]["messages"][1]["content"] = "word " * 200_000
        found = signal(drift(REFERENCE, pa.Table.from_pylist(rows, schema=SCHEMA), SECTION), "words_per_message")
        assert found.outcome == outcome
        assert found.details is not None
        assert found.details["wasserstein_iqr"] < 3


def test_the_window_holds_the_newest_records_and_counts_the_others() -> None:
    old, new = chat(12, longer=3.0, size=300), chat(13, size=300)
    rows = [{**row, "created_at": row["created_at"] + dt.timedelta(days=9)} for row in new.to_pylist()]
    rows = [{**row, "conversation_id": "n" + row["conversation_id"]} for row in rows]
    both = pa.concat_tables([pa.Table.from_pylist(rows, schema=SCHEMA), old])
    report = drift(REFERENCE, both, MonitoringSection(window=300))
    assert report.outcome == "ok"
    assert report.outside_window == 300
    assert report.current_conversations == 300
    assert drift(REFERENCE, both, SECTION).outcome == "alarm"


def test_figures_of_one_conversation() -> None:
    table = pa.Table.from_pylist(
        [
            {
                "record_id": "a",
                "conversation_id": "c",
                "language": "en",
                "created_at": None,
                "messages": [
                    {"role": "system", "content": "not counted at all"},
                    {"role": "user", "content": "write to <EMAIL_1> or [PHONE]"},
                    {"role": "assistant", "content": "done {PERSON_12}"},
                ],
            }
        ],
        schema=SCHEMA,
    )
    found = conversations(table, SECTION)
    assert (found.words, found.messages, found.placeholders) == ([3.5], [2.0], [1.5])


def test_the_report_is_deterministic_and_quotes_no_data() -> None:
    current = chat(14, languages=(("en", "tracer-language"), (0.8, 0.2)))
    shuffled = current.take(np.random.default_rng(1).permutation(current.num_rows))
    first, second = (json.dumps(drift(REFERENCE, t, SECTION).to_json(), allow_nan=False) for t in (current, shuffled))
    assert first == second
    assert "tracer" not in first
    assert "word " not in first


@pytest.mark.parametrize("change", ["missing", "type"])
def test_a_table_of_another_schema_is_refused(change: str) -> None:
    table = REFERENCE.drop_columns(["language"])
    if change == "type":
        table = table.append_column("language", pa.array([1] * table.num_rows))
    with pytest.raises(MonitoringError, match=r"column language: MONITORING-002"):
        drift(REFERENCE, table, SECTION)


@pytest.mark.parametrize("pattern", ["(", "x*"], ids=["broken", "finds_everything"])
def test_a_placeholder_pattern_that_cannot_work_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"pattern|regular expression"):
        MonitoringSection(placeholder_pattern=pattern)


@pytest.fixture
def app() -> typer.Typer:
    single = typer.Typer()
    single.command()(drift_command)
    return single


def write(table: pa.Table, path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path)
    return str(path)


@pytest.mark.parametrize(
    ("seed", "changes", "code", "word"),
    [
        (20, {}, 0, "ok: 400 conversations against 400"),
        (21, {"longer": 1.6}, 10, "alarm: 400"),
        (22, {"size": 5}, 20, "not evaluated: 5"),
    ],
)
def test_the_command_answers_by_exit_code_and_table(
    app: typer.Typer, tmp_path: Path, seed: int, changes: dict[str, Any], code: int, word: str
) -> None:
    reference = write(REFERENCE, tmp_path / "reference.parquet")
    current = chat(seed, **changes)
    half = current.num_rows // 2
    write(current.slice(0, half), tmp_path / "data" / "part-00000.parquet")
    write(current.slice(half), tmp_path / "data" / "part-00001.parquet")
    plain = CliRunner().invoke(app, [reference, str(tmp_path / "data")])
    assert plain.exit_code == code
    assert word in plain.stdout
    assert "words_per_message" in plain.stdout
    parsed = CliRunner().invoke(app, [reference, str(tmp_path / "data"), "--json"])
    assert parsed.exit_code == code
    assert json.loads(parsed.stdout)["outcome"] in word.replace(" ", "_")


def test_the_command_refuses_what_is_no_parquet(app: typer.Typer, tmp_path: Path) -> None:
    reference = write(REFERENCE, tmp_path / "reference.parquet")
    (tmp_path / "text.parquet").write_text("no")
    (tmp_path / "empty").mkdir()
    for name in ("text.parquet", "empty", "missing.parquet"):
        result = CliRunner().invoke(app, [reference, str(tmp_path / name)])
        assert isinstance(result.exception, MonitoringError)
        assert result.exception.code == "MONITORING-001"
        assert result.exception.exit_code == 20
