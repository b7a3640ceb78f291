"""The answer of a check: as a table for a terminal, as one JSON object, as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape as plain
from rich.table import Table

from mlops.contracts.report import ContractReport, RuleResult
from mlops.contracts.verdict import ContractVerdict
from mlops.governance.page import facts, page, table, verdict

_COLOURS = {"pass": "green", "fail": "red", "warn": "yellow", "error": "red"}
_SHOWN = 5
_SIGNS = {
    "mustBe": "=",
    "mustNotBe": "≠",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": "≥",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "≤",
    "mustBeBetween": "in",
    "mustNotBeBetween": "not in",
}
_MOODS = {"pass": "good", "fail": "bad", "warn": "unsure", "error": "bad"}


def to_json(report: ContractReport, decided: ContractVerdict) -> dict[str, Any]:
    """The sealed form of the report, with the verdict and each rule's seconds."""
    quarantined = {"records": len(decided.quarantined), "rows": report.quarantined_rows}
    return {
        **report.to_json(),
        "seconds": {rule: round(seconds, 6) for rule, seconds in report.seconds.items()},
        "verdict": {"outcome": decided.outcome, "reason": decided.reason, "quarantined": quarantined},
    }


def print_report(report: ContractReport, decided: ContractVerdict, console: Console) -> None:
    """Every rule, the records that break one, the coverage, the verdict."""
    grid = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    grid.add_column("rule", overflow="fold")  # an id is never cut
    grid.add_column("outcome", no_wrap=True)
    for name in ("observed", "threshold", "of", "seconds"):
        grid.add_column(name, justify="right", overflow="fold")
    for rule in report.rules:
        grid.add_row(
            plain(rule.id),
            f"[{_COLOURS[rule.outcome]}]{rule.outcome}[/]",
            _observed(rule),
            plain(_threshold(rule)),
            _of(rule),
            f"{report.seconds.get(rule.id, 0):.2f}",
        )
    console.print(grid)
    for rule in report.rules:
        for line in _remarks(rule):
            console.print(f"{rule.id}: {line}", markup=False, highlight=False, soft_wrap=True)
    for item in report.human:
        console.print(f"for a person: {item.id}: {item.text}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"coverage  {report.coverage}", markup=False, highlight=False, soft_wrap=True)
    colour = "green" if decided.outcome == "pass" else "red"
    console.print(f"verdict   [{colour}]{decided.outcome}[/]:", end=" ")
    console.print(decided.reason, markup=False, highlight=False, soft_wrap=True)


def _observed(rule: RuleResult) -> str:
    if rule.observed is None:
        return "—"
    return f"{int(rule.observed)}" if float(rule.observed).is_integer() else f"{rule.observed:.6g}"


def _of(rule: RuleResult) -> str:
    return "—" if rule.denominator is None else str(rule.denominator)


def _threshold(rule: RuleResult) -> str:
    """The operator as a sign: ``mustBeLessThan 5 percent`` as ``< 5 %``; other words as they are."""
    name, *rest = rule.threshold.split(" ")
    if name not in _SIGNS:
        return rule.threshold
    unit = {"rows": "", "percent": " %"}.get(rest[-1])
    bounds = rest if unit is None else rest[:-1]
    return f"{_SIGNS[name]} {' '.join(bounds)}{unit or ''}"


def _remarks(rule: RuleResult) -> list[str]:
    """What is to be said of a rule beside its figures; records are named by their id."""
    remarks = [rule.detail] if rule.detail and rule.outcome != "pass" else []
    if rule.sample:
        more = len(rule.sample) - _SHOWN
        named = ", ".join(rule.sample[:_SHOWN])
        remarks.append(f"for example {named}" + (f" and {more} more in --json and --report" if more > 0 else ""))
    return remarks


def to_html(report: ContractReport, decided: ContractVerdict, data: Mapping[str, str]) -> str:
    """A page that needs nothing but itself.

    Args:
        data: object → where its rows were read.
    """
    contract = report.contract
    title = f"{contract['name']} {contract['version']}: check"
    passed = decided.outcome == "pass"
    body = [
        f"<h1>{escape(contract['name'])} {escape(contract['version'])}</h1>",
        verdict("Passed" if passed else "Blocked", decided.reason, "good" if passed else "bad"),
        facts(
            [
                ("contract", f"<code>{escape(contract['id'])}</code>"),
                ("digest", f"<code>{escape(contract['digest'])}</code>"),
                *((f"data: {name}", _data(report, name, place)) for name, place in data.items()),
                ("coverage", escape(str(report.coverage))),
                ("quarantine", escape(_quarantine(report))),
            ]
        ),
        "<h2>Rules</h2>",
        table(
            ["rule", "outcome", "observed", "threshold", "of", "seconds", "severity", "remarks"],
            [_html_row(report, rule) for rule in report.rules],
            ["", "y", "r", "", "r", "r", "y", ""],
        ),
        _people(report),
        "<footer>Rows are named by record id; an id that is not 16 to 64 hex digits, or could be the number"
        " of a card, is shown as a digest.</footer>",
    ]
    return page(title, "\n".join(body))


def _data(report: ContractReport, name: str, place: str) -> str:
    return f"{report.rows.get(name, 0)} rows, <code>{escape(place)}</code>"


def _quarantine(report: ContractReport) -> str:
    allowed = f"at most {report.max_quarantine_share:.2%} of the records may"
    return f"{report.quarantined_rows} row(s) of {len(report.offending)} record(s) break a rule; {allowed}"


def _html_row(report: ContractReport, rule: RuleResult) -> list[str]:
    remarks = [escape(rule.detail)] if rule.detail and rule.outcome != "pass" else []
    if rule.sample:
        ids = " ".join(f"<code>{escape(each)}</code>" for each in rule.sample)
        remarks.append(f"<details><summary>{len(rule.sample)} record(s)</summary>{ids}</details>")
    return [
        escape(rule.id),
        f'<strong class="{_MOODS[rule.outcome]}">{rule.outcome}</strong>',
        _observed(rule),
        escape(_threshold(rule)),
        _of(rule),
        f"{report.seconds.get(rule.id, 0):.2f}",
        escape(rule.severity),
        "".join(remarks),
    ]


def _people(report: ContractReport) -> str:
    if not report.human:
        return ""
    items = "".join(f"<li><code>{escape(item.id)}</code> {escape(item.text)}</li>" for item in report.human)
    return f"<h2>For a person to confirm</h2><ul>{items}</ul>"
