"""What a monitor run records: the masked data of now against the masked data that the champion was made from.

The comparison is written to a report, then one event says what came of it. Drift is declared when the alarm persists
over several monitored runs against the same champion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops.artifacts import canonical_json, digest_bytes, store_path, verify, write_atomic
from mlops.datasets.shards import read_shards
from mlops.ledger.events import Event, events, transaction
from mlops.ledger.store import Ledger
from mlops.monitoring.drift import DriftReport, drift
from mlops.monitoring.errors import MonitoringError
from mlops.monitoring.report import drift_page
from mlops.remotes import fetch_missing
from mlops.runs import Run, stage_results
from mlops.settings import Settings
from mlops.use_case import Declaration

MONITOR_STAGES = ("ingest", "validate", "mask")
"""The stages of a monitor run; the monitor reads the output of the last one."""

Outcome = Literal["ok", "alarm", "not_evaluated"]


@dataclass(frozen=True)
class MonitorResult:
    """What became of one monitor run, as the ledger has it.

    Attributes:
        outcome: ok, alarm or not_evaluated; ``reason`` says why in words.
        champion: the release it was compared with, or None when none served.
        reference, current: digests of the masked data compared, or None.
        alarmed: names of the signals that alarm.
        effects: distance per signal that was evaluated, 0 to 1.
        consecutive: monitored runs in alarm up to this one, against the same champion.
        drift: whether drift is declared: this run alarms, and enough before it did.
        report: folder of ``report.json`` and ``report.html``.
        report_digest: of ``report.json``.
        seq: number of the ``monitored`` event.
    """

    run: str
    use_case: str
    outcome: Outcome
    reason: str
    champion: str | None
    reference: str | None
    current: str | None
    alarmed: tuple[str, ...]
    effects: Mapping[str, float]
    consecutive: int
    drift: bool
    report: Path
    report_digest: str
    seq: int


def monitor_run(settings: Settings, declaration: Declaration, ledger: Ledger, run: Run) -> MonitorResult:
    """Compare the masked data of ``run`` with what its pinned champion was made from; recorded once per run.

    A run without a champion, or whose data was stopped by a gate before it was masked, is recorded as not evaluated:
    nothing is ever ok because it was not looked at.

    Raises:
        ArtifactError: the bytes of one of the two datasets are not what their digest says, or are gone.
        MlopsError: one of them is not here and cannot be fetched; or the disk refused the report.
        MonitoringError: the run has no masked data yet (MONITORING-003), or the ledger does not say what the champion
            was made from (MONITORING-004).
    """
    recorded = recorded_monitor(settings, ledger, run.id)
    if recorded is not None:
        return recorded
    pinned = run.pins["champion"]
    champion = None if pinned is None else str(pinned["release"])
    current, stopped = _masked(ledger, run)
    reference = None if champion is None else _reference(ledger, run.use_case, champion)
    report: DriftReport | None = None
    if stopped is not None:
        reason = stopped
    elif reference is None or current is None:
        reason = "no champion serves yet: there is nothing to compare with"
    else:
        fetch_missing(settings, ledger, (reference, current))
        tables = [read_shards(verify(store_path(settings.store, it), it).path / "data") for it in (reference, current)]
        report = drift(tables[0], tables[1], declaration.use_case.monitoring)
        reason = _reason(report)
    body: dict[str, Any] = {
        "outcome": "not_evaluated" if report is None else report.outcome,
        "reason": reason,
        "champion": champion,
        "reference": reference,
        "current": current,
    }
    signals = [] if report is None else [signal.to_json() for signal in report.signals]
    body["report"] = _write_report(settings, declaration, run, body, report, signals)
    body["signals"] = [signal["name"] for signal in signals if signal["outcome"] == "alarm"]
    body["effects"] = {signal["name"]: signal["effect"] for signal in signals if signal["effect"] is not None}
    return _result(settings, _record(ledger, run, body, declaration.use_case.monitoring.alarm_after))


def recorded_monitor(settings: Settings, ledger: Ledger, run_id: str) -> MonitorResult | None:
    """What was recorded of a monitor run, or None."""
    for event in events(ledger, kinds=["monitored"], run=run_id):
        return _result(settings, event)
    return None


def report_folder(settings: Settings, use_case: str, run_id: str) -> Path:
    """Where the report of a monitor run lies: ``WORK/monitoring/USE_CASE/RUN``."""
    return settings.work / "monitoring" / use_case / run_id


def _masked(ledger: Ledger, run: Run) -> tuple[str | None, str | None]:
    """Digest of the run's masked data, or the reason why a gate stopped the data before."""
    results = stage_results(ledger, run.id)
    for stage in MONITOR_STAGES:
        if stage not in results:
            raise MonitoringError(
                "MONITORING-003",
                f"expected an output of stage {stage}, found none in this run",
                where=run.id,
                todo=f"run it first: mlops stage {stage} --use-case {run.use_case} --run {run.id}",
            )
        if results[stage]["outcome"] != "done":
            return None, f"stage {stage} was blocked, so there is no masked data to compare"
    return str(results["mask"]["artifact"]), None


def _reference(ledger: Ledger, use_case: str, champion: str) -> str:
    """Digest of the masked data from which the run that registered the champion went on."""
    for registered in events(ledger, kinds=["registered"], use_case=use_case):
        if registered.body["release"] == champion:
            done = events(ledger, kinds=["stage_done"], use_case=use_case, run=registered.run)
            masked = [event for event in done if event.stage == "mask" and event.seq < registered.seq]
            if masked:
                return str(masked[-1].body["artifact"])
    raise MonitoringError(
        "MONITORING-004",
        "expected the masked data that the champion was made from, found none in the ledger",
        where=champion,
        todo="promote a release that a run of this ledger registered",
    )


def _reason(report: DriftReport) -> str:
    named = [signal for signal in report.signals if signal.outcome == report.outcome]
    if report.outcome == "ok":
        return "every signal was evaluated and none alarms"
    said = "; ".join(f"{signal.name}: {signal.reason}" for signal in named)
    return (
        f"{len(named)} of {len(report.signals)} signals {'alarm' if report.outcome == 'alarm' else 'lack data'}: {said}"
    )


def _write_report(
    settings: Settings,
    declaration: Declaration,
    run: Run,
    body: Mapping[str, Any],
    report: DriftReport | None,
    signals: Sequence[Mapping[str, Any]],
) -> str:
    """Write ``report.html``, then ``report.json``; returns the latter's digest. Both follow from the data alone."""
    section = declaration.use_case.monitoring
    facts: dict[str, Any] = {
        "run": run.id,
        "champion": body["champion"] or "none",
        "reference data": body["reference"] or "none",
        "current data": body["current"] or "none",
        "largest adjusted p that alarms": section.alpha,
        "least conversations on each side": section.min_conversations,
    }
    if report is not None:
        facts["conversations"] = f"{report.current_conversations} against {report.reference_conversations}"
        facts["older records outside the window"] = report.outside_window
    content = {
        "schema": 1,
        "use_case": run.use_case,
        **{name: body[name] for name in ("outcome", "reason", "champion", "reference", "current")},
        "facts": facts,
        "signals": list(signals),
    }
    folder = report_folder(settings, run.use_case, run.id)
    encoded = canonical_json(content)
    write_atomic(folder / "report.html", drift_page(content).encode())
    write_atomic(folder / "report.json", encoded)
    return digest_bytes(encoded)


def _record(ledger: Ledger, run: Run, body: Mapping[str, Any], alarm_after: int) -> Event:
    """Append the event with the length of the alarm, both in one transaction."""
    with transaction(ledger) as tx:
        before = tx.events(kinds=["monitored"], use_case=run.use_case)
        consecutive = alarms_in_a_row([*(event.body for event in before), body], body["champion"])
        full = {
            **body,
            "consecutive_alarms": consecutive,
            "alarm_after": alarm_after,
            "drift": body["outcome"] == "alarm" and consecutive >= alarm_after,
        }
        once = f"monitored/{run.id}"
        return tx.append_once("monitored", full, once=once, use_case=run.use_case, run=run.id)[0]


def alarms_in_a_row(bodies: Sequence[Mapping[str, Any]], champion: str | None) -> int:
    """How many of the newest ``monitored`` bodies alarm, one after the other, against this champion.

    A run that was not evaluated neither adds to the row nor ends it: not looking is no all-clear. A comparison with
    another champion ends it.
    """
    count = 0
    for body in reversed(bodies):
        if body["champion"] != champion or body["outcome"] == "ok":
            break
        count += body["outcome"] == "alarm"
    return count


def _result(settings: Settings, event: Event) -> MonitorResult:
    body, use_case, run = event.body, event.use_case or "", event.run or ""
    return MonitorResult(
        run=run,
        use_case=use_case,
        outcome=body["outcome"],
        reason=body["reason"],
        champion=body["champion"],
        reference=body["reference"],
        current=body["current"],
        alarmed=tuple(body["signals"]),
        effects=body["effects"],
        consecutive=body["consecutive_alarms"],
        drift=body["drift"],
        report=report_folder(settings, use_case, run),
        report_digest=body["report"],
        seq=event.seq,
    )
