"""The commands after a release: same data is ok, changed data alarms, a persisting alarm asks for one retrain."""

from __future__ import annotations

import json
from typing import Any

from mlops.ledger.chain import verify_chain
from mlops.ledger.events import events
from tests.end_to_end.conftest import SOURCE, Project
from tests.end_to_end.tracer import traces


def monitor(project: Project) -> dict[str, Any]:
    done = project.call("monitor", "small", "--json")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["event"] == "monitor", done.stdout + done.stderr
    assert found["code"] == done.returncode
    return found


def lengthen(project: Project) -> None:
    """Every message becomes four times as long: what customers write has changed, and no rule forbids it."""
    path = project.root / SOURCE
    path.write_bytes(b"".join(_longer(line) for line in path.read_bytes().splitlines(keepends=True)))


def _longer(line: bytes) -> bytes:
    try:
        row = json.loads(line)
    except ValueError:
        return line  # planted junk, which ingest rejects
    if not isinstance(row, dict):
        return line
    for message in row.get("messages") or ():
        if isinstance(message, dict) and isinstance(message.get("content"), str):
            message["content"] = " ".join([message["content"]] * 4)
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def test_from_the_same_data_to_one_retrain_and_its_cooldown(project: Project) -> None:
    same = monitor(project)
    assert (same["code"], same["outcome"], same["champion"]) == (0, "ok", project.release)
    assert same["reference"] == same["current"] == project.digests["mask"]
    assert same["decision"]["decision"] == "wait"

    lengthen(project)
    project.edit("monitoring: {}", "monitoring: {retrain: {cooldown_hours: 0}}")
    first = monitor(project)
    assert (first["code"], first["outcome"], first["consecutive"], first["drift"]) == (10, "alarm", 1, False)
    assert "words_per_message" in first["alarmed"]
    assert first["decision"]["decision"] == "wait"

    second = monitor(project)
    assert (second["code"], second["consecutive"], second["drift"]) == (10, 2, True)
    assert second["decision"]["decision"] == "retrain"

    again = project.call("monitor", "small", "--run", second["run"], "--json")
    assert again.returncode == 10
    assert json.loads(again.stdout.splitlines()[-1])["decision"] == second["decision"]

    project.edit("cooldown_hours: 0}", "cooldown_hours: 24}")
    third = project.call("monitor", "small")
    assert third.returncode == 10, third.stdout + third.stderr
    assert "decision  wait: cooldown" in third.stdout
    assert "drift is declared" in third.stdout

    ledger = project.ledger()
    assert len(events(ledger, kinds=["monitored"])) == len(events(ledger, kinds=["retrain_decided"])) == 4
    assert [event.body["outcome"] for event in events(ledger, kinds=["run_finished"])] == ["done"] * 5
    assert verify_chain(events(ledger)) == []
    assert project.champion() == project.release
    reports = list((project.workspace / "monitoring").rglob("report.*"))
    assert len(reports) == 8
    for told in (*(report.read_bytes() for report in reports), third.stdout, again.stdout):
        assert traces(told) == set()


def test_input_that_cannot_be_read_is_no_all_clear(shared: Project) -> None:
    path = shared.root / SOURCE
    kept = path.read_bytes()
    path.unlink()
    try:
        found = shared.call("monitor", "small")
    finally:
        path.write_bytes(kept)
    assert found.returncode == 20
    assert "error: stage ingest" in found.stderr
    assert events(shared.ledger(), kinds=["monitored"]) == []


def test_reconcile_ends_a_lost_run_and_then_finds_nothing(project: Project) -> None:
    quick = {"MLOPS_LEASE_SECONDS": "0.1"}
    assert project.call("reconcile", **quick).stdout == "nothing was missed\n"
    assert project.call("stage", "ingest", "--use-case", "small", "--run", "lost").returncode == 0
    project.edit("budget: {max_minutes: 20}", "budget: {max_minutes: 0.001}")
    seen = project.call("reconcile", **quick)
    assert seen.returncode == 10
    assert "abandoned_run" in seen.stdout
    assert "mlops reconcile --repair" in seen.stdout
    mended = project.call("reconcile", "--repair", "--json", **quick)
    assert mended.returncode == 0
    assert [row["repaired"] for row in json.loads(mended.stdout)["findings"]] == [True]
    assert project.call("reconcile", **quick).returncode == 0
    ended = events(project.ledger(), kinds=["run_finished"], run="lost")
    assert [event.body["reason"] for event in ended] == ["abandoned"]
