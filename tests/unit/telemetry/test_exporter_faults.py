"""The exporter when the ledger is damaged, absent or elsewhere, and its address taken."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.ledger.events import append
from mlops.ledger.store import Ledger, open_ledger
from mlops.telemetry.errors import TelemetryError
from mlops.telemetry.exporter import LedgerCollector, start
from tests.unit.telemetry.exposition import USE_CASE, parse, scrape, value

Tamper = Callable[[Ledger, str], None]


class TestChain:
    def test_holds(self, collector: LedgerCollector, whole_run: None) -> None:
        assert value(scrape(collector), "audit_chain_valid") == 1

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param("UPDATE events SET body = '{}' WHERE seq = 3", id="a row changed"),
            pytest.param("DELETE FROM events WHERE seq = 3", id="a row removed"),
            pytest.param("DELETE FROM events WHERE seq > 5", id="the tail cut off"),
        ],
    )
    def test_damage_behind_the_reader_is_seen_and_not_forgotten(
        self, collector: LedgerCollector, ledger: Ledger, whole_run: None, tamper: Tamper, damage: str
    ) -> None:
        scrape(collector)
        tamper(ledger, damage)
        assert value(scrape(collector), "audit_chain_valid") == 0
        for _ in range(30):
            append(ledger, "run_started", {}, use_case=USE_CASE)
        assert value(scrape(collector), "audit_chain_valid") == 0

    @pytest.mark.parametrize("regrown", [0, 3, 5], ids=["shorter", "as long as before", "longer"])
    def test_a_cut_tail_is_seen_however_far_it_grew_again(self, ledger: Ledger, tamper: Tamper, regrown: int) -> None:
        for _ in range(8):
            append(ledger, "run_started", {}, use_case=USE_CASE)
        collector = LedgerCollector(lambda: ledger, recheck_seconds=3600.0)
        assert value(scrape(collector), "audit_chain_valid") == 1
        tamper(ledger, "DELETE FROM events WHERE seq > 5")
        for _ in range(regrown):
            append(ledger, "run_started", {}, use_case=USE_CASE)
        assert value(scrape(collector), "audit_chain_valid") == 0

    def test_a_new_event_that_does_not_follow_is_seen_at_once(
        self, ledger: Ledger, whole_run: None, tamper: Tamper
    ) -> None:
        collector = LedgerCollector(lambda: ledger, recheck_seconds=3600.0)
        assert value(scrape(collector), "audit_chain_valid") == 1
        append(ledger, "run_started", {}, use_case=USE_CASE)
        tamper(ledger, "UPDATE events SET actor = 'someone' WHERE seq = (SELECT max(seq) FROM events)")
        assert value(scrape(collector), "audit_chain_valid") == 0


class TestWithoutALedger:
    def test_the_exporter_starts_first_and_finds_the_ledger_later(self, ledger_url: str) -> None:
        collector = LedgerCollector(lambda: open_ledger(ledger_url, create=False), lambda: [USE_CASE])
        before = scrape(collector)
        assert value(before, "ledger_up") == 0
        assert value(before, "runs_total", use_case=USE_CASE, outcome="done") == 0
        append(open_ledger(ledger_url), "run_finished", {"outcome": "done", "seconds": 1.0}, use_case=USE_CASE)
        after = scrape(collector)
        assert value(after, "ledger_up") == 1
        assert value(after, "runs_total", use_case=USE_CASE, outcome="done") == 1

    def test_an_unreadable_record_is_shown_and_totals_stay(
        self, collector: LedgerCollector, ledger: Ledger, whole_run: None, tamper: Tamper
    ) -> None:
        before = scrape(collector)
        tamper(ledger, "UPDATE events SET body = '{\"torn' WHERE seq = 4")
        after = scrape(collector)
        assert value(before, "ledger_unreadable_records") == 0
        assert value(after, "ledger_unreadable_records") == 1
        key = ("mlops_stage_runs_total", frozenset({("use_case", USE_CASE), ("stage", "mask"), ("state", "done")}))
        assert before[key] == after[key] == 1


class TestServing:
    def test_prometheus_can_scrape_it_on_loopback_only(self, collector: LedgerCollector, whole_run: None) -> None:
        exporter = start(collector, port=0)
        try:
            assert exporter.server.server_address[0] == "127.0.0.1"
            url = f"http://127.0.0.1:{exporter.address[1]}/metrics"
            with urllib.request.urlopen(url, timeout=10) as response:
                samples = parse(response.read().decode())
        finally:
            exporter.close()
        assert value(samples, "runs_total", use_case=USE_CASE, outcome="done") == 1
        assert not any(name.startswith(("python_", "process_")) for name, _labels in samples)

    def test_a_taken_port_is_said(self, collector: LedgerCollector) -> None:
        exporter = start(collector, port=0)
        try:
            with pytest.raises(TelemetryError, match="TELEMETRY-001") as raised:
                start(collector, port=exporter.address[1])
        finally:
            exporter.close()
        assert raised.value.exit_code == 20


@pytest.mark.postgres
def test_the_ledger_may_be_postgresql(postgres_url: str, tmp_path: Path) -> None:
    ledger = open_ledger(postgres_url)
    append(ledger, "run_finished", {"outcome": "blocked", "seconds": 1.0}, use_case=USE_CASE)
    samples = scrape(LedgerCollector(lambda: ledger))
    ledger.engine.dispose()
    assert value(samples, "runs_total", use_case=USE_CASE, outcome="blocked") == 1
    assert value(samples, "audit_chain_valid") == 1
