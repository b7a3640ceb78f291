"""The rules of a contract in plain words, each with its last result and its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from mlops.contracts.contract import Contract
from mlops.contracts.plan import Rule
from mlops.governance.catalog.gather import Entry
from mlops.governance.catalog.results import Check, RuleOutcome
from mlops.governance.catalog.trend import MOODS, strip
from mlops.governance.catalog.words import consequence, in_words, wording
from mlops.governance.page import table

_SHORT = 40
_HISTORY = 12

STYLE = """
.rules table{border-bottom:1px solid var(--line)}.rules tbody{border-top:1px solid var(--line)}
.rules thead+tbody{border-top:0}.rules th[scope=rowgroup]{white-space:nowrap;border-bottom:0}
.rules tr:last-child td{border-bottom:0}.rules .demand{min-width:17rem}.rules .then,.rules .now{white-space:nowrap}
.rules .now small{white-space:normal}
@media print{.rules .demand{min-width:0}.rules .then,.rules .now{white-space:normal}}
@media screen and (max-width:46rem){.rules table,.rules tbody,.rules tr,.rules th,.rules td{display:block;width:auto}
.rules thead{display:none}.rules th[scope=rowgroup]{padding:.8rem 0 .2rem}
.rules tr{padding:.35rem 0;border-bottom:1px solid var(--line)}.rules tr:last-child{border-bottom:0}
.rules td{border:0;padding:0;min-width:0}
.rules .then,.rules .now,.rules .before{display:inline-block;margin-right:.8rem}
.rules .now br{display:none}}
"""


def rules_section(entry: Entry) -> str:
    """All rules, object by object and column by column, as HTML."""
    why = dict(descriptions(entry.contract))
    known = [check for check in entry.checks if check.rules is not None][-_HISTORY:]
    head = ["Column", "Rule", "If broken", "Last result", *(["Over time"] if len(known) > 1 else [])]
    titles = "".join(f'<th scope="col">{name}</th>' for name in head)
    parts = []
    for each in entry.contract.objects:
        bodies = []
        for name in (None, *(column.name for column in each.properties)):
            rules = [rule for rule in entry.plan.rules if (rule.object, rule.property) == (each.name, name)]
            bodies.append(_group(name or "whole table", rules, why, known))
        parts.append(
            f'<h3>{escape(each.name)}</h3>\n<div class="wide" tabindex="0"><table>\n'
            f"<thead><tr>{titles}</tr></thead>\n{chr(10).join(filter(None, bodies))}\n</table></div>"
        )
    return f'{_older(entry, known)}<div class="rules">{"".join(parts)}</div>'


def _older(entry: Entry, known: Sequence[Check]) -> str:
    """Results belong to the text that was checked, which may not be the one that is shown."""
    if not known or known[-1].digest == entry.contract.digest:
        return ""
    return f'<p class="unsure">The results below are those of version {escape(known[-1].version)}, another text.</p>'


def _group(name: str, rules: Sequence[Rule], why: Mapping[str, str], known: Sequence[Check]) -> str:
    """The rules of one column under one header."""
    if not rules:
        return ""
    header = f'<th scope="rowgroup" rowspan="{len(rules)}">{escape(name)}</th>'
    rows = [
        f"<tr>{'' if place else header}{_cells(rule, why.get(rule.id), known)}</tr>" for place, rule in enumerate(rules)
    ]
    return f"<tbody>\n{chr(10).join(rows)}\n</tbody>"


def descriptions(contract: Contract) -> Iterator[tuple[str, str]]:
    """Rule id → why the contract has the rule."""
    for each in contract.objects:
        for rule in each.quality:
            yield f"{each.name}.{rule.id}", str(rule.entry.get("description", ""))
        for column in each.properties:
            for rule in column.quality:
                yield f"{each.name}.{column.name}.{rule.id}", str(rule.entry.get("description", ""))


def _cells(rule: Rule, why: str | None, known: Sequence[Check]) -> str:
    outcomes = [(check.rules or {}).get(rule.id) for check in known]
    cells = [
        f'<td class="demand">{escape(in_words(rule, why or ""))}{_written_as(rule, why)}{_own_wording(rule)}</td>',
        f'<td class="then">{consequence(rule)} <small>{escape(rule.severity)}</small></td>',
        f'<td class="now">{_result(rule, outcomes[-1] if outcomes else None)}</td>',
    ]
    if len(known) > 1:
        cells.append(f'<td class="before">{strip(outcomes)}</td>')
    return "".join(cells)


def _written_as(rule: Rule, why: str | None) -> str:
    """The id of a rule of a ``quality`` list, by which results name it, and its reason where the sentence lacks it."""
    if why is None:
        return ""
    reason = "" if rule.kind in ("sql", "named") else why
    return f" <br><small><code>{escape(rule.id.rpartition('.')[2])}</code> {escape(reason)}</small>"


def _own_wording(rule: Rule) -> str:
    """A short pattern stands in the open; what is long can be unfolded."""
    own = wording(rule)
    if not own:
        return ""
    if len(own) <= _SHORT and "\n" not in own:
        return f" <code>{escape(own)}</code>"
    what = "query" if rule.engine == "duckdb" else "pattern"
    return f"<details><summary>{what}</summary><pre>{escape(own)}</pre></details>"


def _result(rule: Rule, found: RuleOutcome | None) -> str:
    if found is None:
        return '<span class="soft">not checked</span>'
    mood = MOODS.get(found.outcome, "quiet")
    notes = [note for note in (_measured(rule, found), found.detail) if note]
    small = f" <br><small>{escape('; '.join(notes))}</small>" if notes else ""
    word = escape(found.outcome) if found.outcome == "pass" else f"<b>{escape(found.outcome)}</b>"
    return f'<span class="{mood}">{word}</span>{small}'


def _measured(rule: Rule, found: RuleOutcome) -> str:
    """The number behind an outcome; nothing where a rule passed without an offence."""
    if found.observed is None or (found.outcome == "pass" and found.observed == 0):
        return ""
    number = f"{found.observed:,.0f}" if found.observed == int(found.observed) else f"{found.observed:.3g}"
    if rule.kind == "rowCount":
        return f"{number} rows"
    if found.denominator is None:
        return f"answer {number}"
    share = "%" if rule.unit == "percent" else ""
    return f"{number}{share} of {found.denominator:,} rows"


def waivers_section(entry: Entry) -> str:
    """Rules that are not run for now, by whom, why and until when, as HTML; ``""`` where there are none."""
    meaning = dict(descriptions(entry.contract))
    rows = [
        [
            f"<code>{escape(each.rule)}</code> <br><small>{escape(meaning.get(each.rule, ''))}</small>",
            each.expires.isoformat(),
            escape(each.owner),
            escape(each.reason),
        ]
        for each in entry.plan.waived
    ]
    return f"<h3>Waived</h3>{table(['Rule', 'Until', 'By', 'Reason'], rows, ['', 'y', '', 't'])}" if rows else ""
