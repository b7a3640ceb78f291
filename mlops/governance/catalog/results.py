"""What became of the checks of a contract: the stages' events in the ledger, and their reports in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops.artifacts import ArtifactError, read_json, store_path
from mlops.contracts.nodes import mapping_of
from mlops.ledger.events import Event

STAGES = ("validate", "curate")
OUTCOMES = ("pass", "warn", "fail", "error")
KEPT = 24
"""The newest checks that a page shows; reports of older ones are not read."""


@dataclass(frozen=True)
class RuleOutcome:
    """One rule in one check.

    Attributes:
        denominator: rows that ``observed`` is out of; None where it is no count of rows.
        detail: a remark that quotes the contract only.
    """

    outcome: str
    observed: float | None
    threshold: str
    denominator: int | None
    detail: str


@dataclass(frozen=True)
class Check:
    """One check of a data set against a contract version.

    Attributes:
        at: UTC, ISO 8601.
        blocked: why the data went no further; ``""`` where it did.
        counts: outcome → number of rules.
        rows_in, rows_out: rows that the stage read and passed on.
        set_aside: records that broke a row-level rule.
        splits: split → rows, of a curated data set; empty for others.
        coverage: how many declared clauses were executed, in words.
        rules: rule id → outcome; None where the report is not in this store.
        objects: table → rows, from the report.
    """

    at: str
    use_case: str
    run: str
    stage: str
    version: str
    digest: str
    blocked: str
    counts: Mapping[str, int]
    rows_in: int
    rows_out: int
    set_aside: int
    splits: Mapping[str, int]
    coverage: str
    rules: Mapping[str, RuleOutcome] | None
    objects: Mapping[str, int]

    @property
    def word(self) -> str:
        """``passed`` or ``blocked``."""
        return "blocked" if self.blocked else "passed"

    @property
    def share_set_aside(self) -> float:
        """From 0 to 1, of the rows read."""
        return self.set_aside / self.rows_in if self.rows_in else 0.0


def checks_of(events: Sequence[Event], contract_id: str, store: Path) -> tuple[Check, ...]:
    """The newest ``KEPT`` checks against a contract, oldest first.

    A stage that found its output in the store checked nothing anew: of several events with one artifact the first
    counts.

    Args:
        events: ``stage_done`` events in order.
    """
    found: dict[str, Event] = {}
    for event in events:
        if event.stage in STAGES and _contract(event).get("id") == contract_id:
            found.setdefault(str(event.body.get("artifact")), event)
    return tuple(_check(event, store) for event in list(found.values())[-KEPT:])


def _contract(event: Event) -> Mapping[str, Any]:
    return mapping_of(mapping_of(event.body.get("figures")).get("contract"))


def _check(event: Event, store: Path) -> Check:
    body, figures = event.body, mapping_of(event.body.get("figures"))
    report = _report(store, str(body.get("artifact")))
    removed = mapping_of(figures.get("removed")).get("training_set_contract", 0)
    return Check(
        at=event.at,
        use_case=event.use_case or "",
        run=event.run or "",
        stage=event.stage or "",
        version=str(_contract(event).get("version", "")),
        digest=str(_contract(event).get("digest", "")),
        blocked="" if body.get("outcome") == "done" else str(body.get("reason") or body.get("outcome")),
        counts={name: int(mapping_of(figures.get("expectations")).get(name, 0)) for name in OUTCOMES},
        rows_in=int(body.get("rows_in") or 0),
        rows_out=int(body.get("rows_out") or 0),
        set_aside=int(figures.get("quarantined", removed)),
        splits={name: int(rows) for name, rows in mapping_of(figures.get("splits")).items()},
        coverage=str(figures.get("coverage", "")),
        rules=None if report is None else _rules(report),
        objects={} if report is None else {name: int(rows) for name, rows in mapping_of(report.get("rows")).items()},
    )


def _report(store: Path, artifact: str) -> Mapping[str, Any] | None:
    """The stage's ``report.json``; None where this machine does not hold the artifact."""
    try:
        return mapping_of(read_json(store_path(store, artifact) / "report.json"))
    except (ArtifactError, OSError):
        return None


def _rules(report: Mapping[str, Any]) -> dict[str, RuleOutcome]:
    """Only what is listed here leaves the report: its record ids do not."""
    found = {}
    for rule in map(mapping_of, report.get("rules", ())):
        observed, rows = rule.get("observed"), rule.get("denominator")
        found[str(rule.get("id"))] = RuleOutcome(
            outcome=str(rule.get("outcome")),
            observed=float(observed) if isinstance(observed, int | float) else None,
            threshold=str(rule.get("threshold") or ""),
            denominator=rows if isinstance(rows, int) else None,
            detail=str(rule.get("detail") or ""),
        )
    return found


def shown(at: str) -> str:
    """A time of the ledger for people: ``2026-03-01 09:30 UTC``; other texts stay as they are."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment.tzinfo else at
