"""Monitor and retrain decision: recorded once, never ok by absence, and no training too many."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops.artifacts import ArtifactError, digest_file, store_path
from mlops.ledger.events import events, transaction
from mlops.ledger.times import settled_times
from mlops.monitor_actions import alarms_in_a_row, monitor_run
from mlops.monitor_pipeline import exit_code
from mlops.monitoring.errors import MonitoringError
from mlops.retrain import Decision, decide_retrain
from tests.watched_project import Watched, conversations

USUAL = conversations(1)
ALIKE = conversations(2)
LONGER = conversations(3, longer=3.0)
FOREIGN = conversations(4, german=0.9)


def decide(watched: Watched, run: str, later: timedelta = timedelta()) -> Decision:
    return decide_retrain(watched.ledger, watched.declaration, watched.run(run), datetime.now(UTC) + later)


def test_alike_data_is_ok_and_says_what_was_compared(small: Watched) -> None:
    reference = small.serve(USUAL)
    found = small.monitor(ALIKE)
    assert (found.outcome, found.drift, found.alarmed, found.champion) == ("ok", False, (), "small-1")
    assert found.reference == reference != found.current
    assert set(found.effects) == {"words_per_message", "message_count", "placeholders_per_message", "language"}
    assert exit_code(found) == 0


@pytest.mark.parametrize(
    ("table", "signal"),
    [pytest.param(LONGER, "words_per_message", id="length"), pytest.param(FOREIGN, "language", id="language")],
)
def test_changed_data_alarms_by_the_signal_that_changed(small: Watched, table: Any, signal: str) -> None:
    small.serve(USUAL)
    found = small.monitor(table)
    assert (found.outcome, found.alarmed, found.drift) == ("alarm", (signal,), False)
    assert exit_code(found) == 10


def test_the_report_is_sealed_by_the_event_and_holds_no_data_value(small: Watched) -> None:
    small.serve(USUAL)
    found = small.monitor(FOREIGN)
    assert digest_file(found.report / "report.json") == found.report_digest
    page = (found.report / "report.html").read_text()
    assert json.loads((found.report / "report.json").read_bytes())["outcome"] == "alarm"
    assert "language" in page
    for file in (found.report / "report.json", found.report / "report.html"):
        text = file.read_text()
        assert "http" not in text
        assert "<script" not in text
        assert '"de"' not in text
        assert "word " not in text


def test_without_a_champion_nothing_is_ok(small: Watched) -> None:
    found = small.monitor(USUAL)
    assert (found.outcome, found.champion) == ("not_evaluated", None)
    assert "no champion" in found.reason
    assert exit_code(found) == 0
    assert decide(small, found.run).decision == "wait"


def test_data_that_a_gate_stopped_is_not_evaluated(small: Watched) -> None:
    small.serve(USUAL)
    run = small.run("stopped")
    small.masked(run, ALIKE, blocked="validate")
    found = monitor_run(small.settings, small.declaration, small.ledger, run)
    assert (found.outcome, found.current) == ("not_evaluated", None)
    assert "validate" in found.reason
    assert exit_code(found) == 20


def test_too_little_data_is_not_evaluated(small: Watched) -> None:
    small.serve(USUAL)
    found = small.monitor(conversations(5, size=20))
    assert found.outcome == "not_evaluated"
    assert exit_code(found) == 20


def test_a_run_without_masked_data_says_which_stage_to_run(small: Watched) -> None:
    with pytest.raises(MonitoringError, match="MONITORING-003") as caught:
        monitor_run(small.settings, small.declaration, small.ledger, small.run("early"))
    assert "mlops stage ingest" in caught.value.todo


def test_a_changed_reference_is_refused_and_nothing_is_recorded(small: Watched) -> None:
    digest = small.serve(USUAL)
    shard = store_path(small.settings.store, digest) / "data" / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(ArtifactError):
        small.monitor(ALIKE)
    assert events(small.ledger, kinds=["monitored"]) == []


def test_a_run_is_monitored_once(watched: Watched) -> None:
    watched.serve(USUAL)
    first = watched.monitor(LONGER, "twice")
    again = monitor_run(watched.settings, watched.declaration, watched.ledger, watched.run("twice"))
    assert again == first
    assert len(events(watched.ledger, kinds=["monitored"])) == 1


def test_drift_is_declared_when_the_alarm_persists(watched: Watched) -> None:
    watched.serve(USUAL)
    found = [watched.monitor(table) for table in (LONGER, ALIKE, LONGER, FOREIGN)]
    assert [(item.consecutive, item.drift) for item in found] == [(1, False), (0, False), (1, False), (2, True)]


def test_what_was_not_evaluated_neither_ends_nor_extends_a_row_of_alarms() -> None:
    bodies = [{"outcome": it, "champion": "a"} for it in ("ok", "alarm", "not_evaluated", "alarm", "not_evaluated")]
    assert alarms_in_a_row(bodies, "a") == 2


def test_a_new_champion_begins_a_new_row() -> None:
    bodies = [{"outcome": "alarm", "champion": name} for name in ("a", "a", "b")]
    assert alarms_in_a_row(bodies, "b") == 1


def drifted(watched: Watched) -> str:
    """A champion and two monitor runs in alarm; the second one's id."""
    watched.serve(USUAL)
    watched.monitor(LONGER)
    found = watched.monitor(LONGER)
    assert found.drift
    return found.run


def test_drift_leads_to_one_retrain_and_then_to_the_cooldown(watched: Watched) -> None:
    run = drifted(watched)
    first = decide(watched, run)
    assert (first.decision, first.fresh) == ("retrain", True)
    assert first.drift_key is not None
    again = decide(watched, run)
    assert (again.decision, again.drift_key, again.fresh) == ("retrain", first.drift_key, False)
    second = decide(watched, watched.monitor(LONGER).run)
    assert second.decision == "wait"
    assert second.reason.startswith("cooldown")
    assert second.drift_key == first.drift_key  # the same data against the same champion
    third = decide(watched, watched.monitor(LONGER).run, later=timedelta(hours=25))
    assert third.decision == "retrain"


def test_two_deciders_at_once_start_one_training(watched: Watched) -> None:
    runs = [drifted(watched), watched.monitor(LONGER).run]
    found: list[Decision] = []
    threads = [threading.Thread(target=lambda run=run: found.append(decide(watched, run))) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item.decision for item in found) == ["retrain", "wait"]


def test_a_run_that_was_not_monitored_is_refused(small: Watched) -> None:
    small.run("unseen")
    with pytest.raises(MonitoringError, match="MONITORING-005"):
        decide(small, "unseen")


def test_no_drift_waits(small: Watched) -> None:
    small.serve(USUAL)
    found = decide(small, small.monitor(LONGER).run)
    assert (found.decision, found.drift_key) == ("wait", None)
    assert "1 of 2" in found.reason


def test_a_person_decides_where_retraining_is_not_automatic(small: Watched) -> None:
    run = drifted(small)
    rules = small.declaration.use_case.monitoring.retrain.model_copy(update={"automatic": False})
    found = decide(small.with_section("monitoring", retrain=rules), run)
    assert found.decision == "wait"
    assert "a person decides" in found.reason


def test_a_champion_that_changed_since_waits_for_the_next_comparison(small: Watched) -> None:
    run = drifted(small)
    small.append("promoted", {"release": "small-2", "previous": "small-1"}, run)
    assert "champion changed" in decide(small, run).reason


def test_a_training_by_a_person_cools_down_too_but_a_hit_does_not(small: Watched) -> None:
    run = drifted(small)
    small.train(small.run(), hit=True)
    assert decide(small, run, later=timedelta(hours=1)).decision == "retrain"
    by_hand = small.run()
    small.train(by_hand)
    found = decide(small, small.monitor(LONGER).run, later=timedelta(hours=23))
    assert found.reason.startswith("cooldown")


def test_the_budget_counts_runs_that_trained_and_decisions_that_still_wait_for_theirs(small: Watched) -> None:
    rules = small.declaration.use_case.monitoring.retrain.model_copy(
        update={"cooldown_hours": 0.0, "max_runs_per_30_days": 2}
    )
    tight = small.with_section("monitoring", retrain=rules)
    first = decide(tight, drifted(tight))
    assert first.decision == "retrain"
    answered = tight.run(kind="drift", key=str(first.drift_key))
    tight.train(answered)
    tight.train(answered)  # a second attempt of one run
    assert decide(tight, tight.monitor(LONGER).run).decision == "retrain"  # 1 of 2: decision and run are one
    third = tight.monitor(LONGER).run
    assert decide(tight, third).reason.startswith("budget: 2 trainings")
    assert decide(tight, tight.monitor(LONGER).run, later=timedelta(days=31)).decision == "retrain"


def test_a_time_stamp_from_the_future_delays_by_one_cooldown_at_most(
    small: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training is stamped ten years ahead; the monitor runs after the clock was set right again."""
    small.serve(USUAL)
    trained = small.run()
    _stamp_ahead(small, monkeypatch, lambda: small.train(trained))
    small.monitor(LONGER)
    second = small.monitor(LONGER).run
    assert decide(small, second).reason.startswith("cooldown: the newest training began 0.0 hours ago")
    assert decide(small, small.monitor(LONGER).run, later=timedelta(hours=25)).decision == "retrain"


def _stamp_ahead(watched: Watched, monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=3650)

    with monkeypatch.context() as patch:
        patch.setattr("mlops.ledger.events.datetime", Ahead)
        act()
    with transaction(watched.ledger) as tx:
        assert tx.events()[-1].at > datetime.now(UTC).isoformat()


def test_settled_times_never_grow_backwards_and_never_exceed_now(
    small: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.append("a", {}, "r")
    _stamp_ahead(small, monkeypatch, lambda: small.append("b", {}, "r"))
    small.append("c", {}, "r")
    _stamp_ahead(small, monkeypatch, lambda: small.append("d", {}, "r"))
    now = datetime.now(UTC)
    times = list(settled_times(events(small.ledger), now).values())[::-1]
    assert times == sorted(times)
    assert times[1] == times[2]
    assert times[3] == now
