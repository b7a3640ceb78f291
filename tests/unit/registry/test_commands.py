"""Promise: results on stdout, one JSON object with --json, and exit codes that mean something."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from mlops.ledger.events import events
from mlops.registry.commands import app, verify_command
from mlops.registry.errors import RegistryError
from mlops.registry.state import champion

from .conftest import USE_CASE, Bench

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("MLOPS_ROOT", str(bench.root))
    monkeypatch.setenv("MLOPS_ACTOR", "operator")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    verify = typer.Typer()
    verify.command()(verify_command)

    def call(*words: str) -> Result:
        chosen, rest = (verify, words[1:]) if words[0] == "verify" else (app, words)
        return CliRunner().invoke(chosen, list(rest))

    return call


def test_list_and_show(bench: Bench, invoke: Invoke) -> None:
    bench.run("run-0")
    assert "no releases yet" in invoke("list").stdout
    release = bench.release(verdict="INCONCLUSIVE")
    listed = invoke("list")
    assert listed.exit_code == 0
    assert release in listed.stdout
    assert "pending_approval" in listed.stdout
    assert "\x1b[" not in listed.stdout
    rows = json.loads(invoke("list", "--json").stdout)["releases"]
    assert [row["release"] for row in rows] == [release]
    assert json.loads(invoke("list", "--json", "--use-case", "other").stdout) == {"releases": []}
    assert "trigger-account" in invoke("show", release).stdout
    assert json.loads(invoke("show", release, "--json").stdout)["standing"] == "pending_approval"


def test_the_whole_way_by_command(bench: Bench, invoke: Invoke) -> None:
    one = bench.release("run-1", variant="a")
    two = bench.release("run-2", variant="b", verdict="INCONCLUSIVE", champion=one)
    assert "champion now" in invoke("promote", one).stdout
    refused = invoke("promote", two)
    assert isinstance(refused.exception, RegistryError)
    assert refused.exception.exit_code == 20
    approved = invoke("approve", two, "--approver", "second-account", "--statement", "read [bold]it[/]")
    assert "approved by second-account" in approved.stdout
    assert "read [bold]it[/]" in invoke("show", two).stdout
    assert "champion now" in invoke("promote", two).stdout
    assert "promoted already" in invoke("promote", two).stdout
    assert f"{two} → {one}" in invoke("rollback", USE_CASE, "--reason", "worse").stdout
    assert champion(events(bench.ledger), USE_CASE) == one
    for release in (one, two):
        assert invoke("verify", release).exit_code == 0


def test_promote_expects_the_champion_that_the_gate_compared_with(bench: Bench, invoke: Invoke) -> None:
    one, two = bench.release("run-1", variant="a"), bench.release("run-2", variant="b")
    invoke("promote", one)
    assert isinstance(invoke("promote", two).exception, RegistryError)
    assert isinstance(invoke("promote", two, "--expected-champion", "none").exception, RegistryError)
    assert invoke("promote", two, "--expected-champion", one).exit_code == 0


def test_verify_tells_by_its_exit_code(bench: Bench, invoke: Invoke) -> None:
    release = bench.release()
    held = invoke("verify", release, "--json")
    assert held.exit_code == 0
    assert json.loads(held.stdout)["ok"] is True
    (bench.root / "base_models/tiny/config.json").write_bytes(b"{}")
    broken = invoke("verify", release)
    assert broken.exit_code == 10
    assert "NOT verified: 1 check(s) failed" in broken.stdout
    assert json.loads(invoke("verify", release, "--json").stdout)["ok"] is False
    unknown = invoke("verify", f"{USE_CASE}-0123456789ab")
    assert isinstance(unknown.exception, RegistryError)
    assert unknown.exception.exit_code == 20


def test_verify_offline_needs_no_ledger_and_can_trust_other_keys(
    bench: Bench, invoke: Invoke, tmp_path_factory: pytest.TempPathFactory
) -> None:
    release = bench.release()
    (bench.workspace / "ledger.db").rename(bench.workspace / "elsewhere.db")
    assert invoke("verify", release, "--offline").exit_code == 0
    nobody = tmp_path_factory.mktemp("nobody")
    assert invoke("verify", release, "--offline", "--trusted", str(nobody)).exit_code == 10


def test_export_restores_a_lost_proof(bench: Bench, invoke: Invoke) -> None:
    release = bench.release()
    for path in bench.folder(release).iterdir():
        path.unlink()
    bench.folder(release).rmdir()
    assert release in invoke("export", release).stdout
    assert invoke("verify", release).exit_code == 0


def test_reject_by_command(bench: Bench, invoke: Invoke) -> None:
    release = bench.release()
    assert "rejected by operator" in invoke("reject", release, "--statement", "no").stdout
    assert json.loads(invoke("show", release, "--json").stdout)["standing"] == "rejected"
