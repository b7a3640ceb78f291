"""One contract on one page, for review on a screen or on paper."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from mlops.contracts.contract import Contract, Property
from mlops.contracts.nodes import mapping_of
from mlops.governance.catalog import heat_map, rules_section, trend
from mlops.governance.catalog.gather import Entry
from mlops.governance.catalog.lineage_section import lineage_section
from mlops.governance.catalog.policy_section import people_section, plain, policy_section, promises_section
from mlops.governance.catalog.results import OUTCOMES, Check, shown
from mlops.governance.catalog.versions_section import approvals_section, versions_section
from mlops.governance.catalog.words import between, listed
from mlops.governance.page import facts, page, table, verdict

_STYLE = """
nav{margin:1rem 0;display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.93rem}
"""
_SECTIONS = (
    ("schema", "Schema"),
    ("sensitivity", "Classification"),
    ("rules", "Rules"),
    ("results", "Results"),
    ("policy", "Policy"),
    ("owners", "Owners"),
    ("approvals", "Approvals"),
    ("versions", "Versions"),
    ("lineage", "Lineage"),
)
_MARKS = {"key": "primaryKey", "required": "required", "unique": "unique"}
_OPTIONS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}


def contract_page(entry: Entry) -> str:
    """The page of one contract; a function of its argument."""
    contract = entry.contract
    bodies = {
        "schema": _schema(contract),
        "sensitivity": _sensitivity(contract),
        "rules": rules_section.rules_section(entry) + rules_section.waivers_section(entry) + _people_answer(entry),
        "results": _results(entry),
        "policy": policy_section(contract) + promises_section(contract),
        "owners": people_section(contract),
        "approvals": approvals_section(entry),
        "versions": versions_section(entry),
        "lineage": lineage_section(entry.uses),
    }
    links = "".join(f'<a href="#{key}">{name}</a>' for key, name in _SECTIONS)
    sections = "\n".join(f'<h2 id="{key}">{name}</h2>\n{bodies[key]}' for key, name in _SECTIONS)
    body = (
        f"<h1>{escape(contract.name)} <small>{escape(contract.version)}</small></h1>\n{_answer(entry)}\n"
        f'{_problems(entry)}<nav class="screen" aria-label="Sections">{links}</nav>\n{_facts(entry)}\n{sections}\n'
        f"<footer>Made from {escape(entry.path.as_posix())}, {escape(contract.digest)}.</footer>"
    )
    title = f"{contract.name} {contract.version}"
    style = _STYLE + heat_map.STYLE + rules_section.STYLE + trend.STYLE
    return page(title, body, up='<a href="../index.html">All contracts</a>', style=style)


def standing_of(entry: Entry) -> tuple[str, str]:
    """Whether the contract may rule a run, in a few words, and the mood of that."""
    status, standing = entry.contract.status, entry.standing
    if standing is None:
        return f"{status}, approvals cannot be read", "bad"
    if status != "active":
        return f"{status}, {'approved' if standing.approved else 'not approved'}", "quiet"
    return ("active and approved", "good") if standing.approved else ("active, not approved", "unsure")


def last_check(entry: Entry) -> str:
    """The newest check in one sentence."""
    if not entry.checks:
        return "No data was checked against it yet."
    check = entry.checks[-1]
    aside = f", {check.set_aside:,} of {check.rows_in:,} records set aside" if check.set_aside else ""
    of = "" if check.digest == entry.contract.digest else f", of version {check.version}"
    return f"Last check {shown(check.at)}{of}: {check.word}{aside}."


def _answer(entry: Entry) -> str:
    word, mood = standing_of(entry)
    reason = entry.standing.reason if entry.standing else "A file of approvals was damaged, see below"
    sentence = f"{reason}. " if reason else ""
    return verdict(word[:1].upper() + word[1:], sentence + last_check(entry), mood)


def _problems(entry: Entry) -> str:
    if not entry.problems:
        return ""
    items = "".join(f"<li>{escape(problem)}</li>" for problem in entry.problems)
    return f'<div class="bad"><p>What could not be read:</p><ul>{items}</ul></div>\n'


def _facts(entry: Entry) -> str:
    data = entry.contract.document.data
    described = mapping_of(data.get("description"))
    about = [
        (key.capitalize(), escape(str(described[key])))
        for key in ("purpose", "usage", "limitations")
        if key in described
    ]
    about += [("Domain", escape(str(data["domain"])))] if data.get("domain") else []
    about += [("Tags", escape(plain(data["tags"])))] if data.get("tags") else []
    return facts([*about, ("Identity", f"<code>{escape(entry.contract.id)}</code>")])


def _schema(contract: Contract) -> str:
    parts = []
    for each in contract.objects:
        note = str(each.entry.get("description") or each.entry.get("dataGranularityDescription") or "")
        rows = [list(_column(column)) for column in each.properties]
        told = f'<p class="soft">{escape(note)}</p>' if note else ""
        parts.append(f"<h3>{escape(each.name)}</h3>{told}{_columns(rows)}")
    return "\n".join(parts)


def _columns(rows: list[list[str]]) -> str:
    return table(["Column", "Type", "Demands", "Meaning"], rows, ["", "y", "t", "t"])


def _column(column: Property) -> Iterator[str]:
    physical = f" <br><small>in the data: {escape(column.column)}</small>" if column.column != column.name else ""
    yield escape(column.name) + physical
    yield escape(column.logical_type)
    yield ", ".join(_demands(column))
    yield escape(str(column.entry.get("description") or ""))


def _demands(column: Property) -> Iterator[str]:
    """What the property itself asks of its values; its rules say the rest."""
    options = dict(column.options)
    yield from (name for name in _MARKS if column.entry.get(_MARKS[name]))
    low, high = options.pop("minLength", None), options.pop("maxLength", None)
    if low is not None or high is not None:
        yield f"{between({'min_value': low, 'max_value': high}, ' characters')}"
    for name, value in options.items():
        shown_as = f"<code>{escape(plain(value))}</code>" if name == "pattern" else escape(plain(value))
        yield f"{escape(_OPTIONS.get(name, name))} {shown_as}"
    if column.allowed is not None:
        yield f"one of {escape(listed(column.allowed))}"


def _sensitivity(contract: Contract) -> str:
    said = heat_map.contract_masking(contract)
    words = f" Masking, for the contract as a whole: {escape(said)}." if said else ""
    highest = escape(heat_map.most_sensitive(contract))
    return f"<p>Most sensitive: <b>{highest}</b>.{words}</p>\n{heat_map.heat_map(contract)}"


def _people_answer(entry: Entry) -> str:
    items = [item for item in entry.plan.human if not item.id.startswith("sla.")]
    if not items:
        return ""
    lines = "".join(f"<li>{escape(item.text)} <small>{escape(item.id)}</small></li>" for item in items)
    return f"<h3>For people to confirm</h3><ul>{lines}</ul>"


def _results(entry: Entry) -> str:
    if not entry.checks:
        return "<p>No data was checked against this contract yet.</p>"
    head = ["When", "Use case", "Version", "Result", "Rules", "Rows", "Set aside"]
    rows = [_check_row(check) for check in reversed(entry.checks)]
    unread = sum(check.rules is None for check in entry.checks)
    note = f'<p class="soft">The reports of {unread} are not on this machine.</p>' if unread else ""
    last = (
        '<p class="soft">A rule that fails for single records sets them aside; the rest passes. '
        f"Coverage of the last check: {escape(entry.checks[-1].coverage)}.</p>"
    )
    return trend.trends(entry.checks) + table(head, rows, ["y", "y", "n", "t", "y", "r", "r"]) + last + note


def _check_row(check: Check) -> list[str]:
    counts = ", ".join(f"{check.counts[name]} {name}" for name in OUTCOMES if check.counts[name])
    mood = "bad" if check.blocked else "good"
    why = f" <br><small>{escape(check.blocked)}</small>" if check.blocked else ""
    return [
        escape(shown(check.at)),
        f"{escape(check.use_case)} <small>{escape(check.stage)}</small>",
        escape(check.version),
        f'<b class="{mood}">{check.word}</b>{why}',
        escape(counts),
        f"{check.rows_in:,}",
        f"{check.set_aside:,}",
    ]


def counted(entry: Entry) -> dict[str, Any]:
    """How many columns and rules the contract has."""
    return {
        "columns": sum(len(each.properties) for each in entry.contract.objects),
        "rules": entry.plan.declared,
    }
